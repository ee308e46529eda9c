// SPDX-License-Identifier: MIT
#pragma once

#include "model.hpp"

#include <vmt/engine/onset_engine.hpp>

#include <string>
#include <vector>

namespace tool {

/// What `--precision` may be, and what it is.
[[nodiscard]] std::vector<std::string> precision_words();
inline constexpr const char* precision_help =
    "of onset_net: f32; bf16 where the processor has it; int8 where it has VNNI, with weights of vmt quantize";
[[nodiscard]] vmt::engine_precision precision_of(const std::string& word);

/// An engine for one window at a time with the precision of that word. Throws `inconsistent` for int8 where the weights
/// lack the ranges.
[[nodiscard]] vmt::onset_engine_options engine_options(const model& m, const std::string& precision,
                                                       vmt::index_t height = 145, vmt::index_t width = 800);

}  // namespace tool
