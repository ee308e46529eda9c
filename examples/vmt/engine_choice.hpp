// SPDX-License-Identifier: MIT
#pragma once

#include "cli.hpp"
#include "model.hpp"

#include <vmt/engine/onset_engine.hpp>

#include <string>

namespace tool {

/// `--precision`: f32, bf16 or int8.
void add_precision_option(parser& p, std::string& word);

/// An engine for one window at a time with the precision of that word. Throws `inconsistent` for int8 where the weights
/// lack the ranges.
[[nodiscard]] vmt::onset_engine_options engine_options(const model& m, const std::string& precision,
                                                       vmt::index_t height = 145, vmt::index_t width = 800);

}  // namespace tool
