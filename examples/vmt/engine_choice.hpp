// SPDX-License-Identifier: MIT
#pragma once

#include "cli.hpp"
#include "model.hpp"

#include <vmt/engine/onset_engine.hpp>

#include <string>

namespace tool {

/// The picture that the paper's network was made for: a registered keyboard (paper, section 3).
inline constexpr vmt::index_t paper_height = 145, paper_width = 800;

/// `--precision`: f32, bf16 or int8.
void add_precision_option(parser& p, std::string& word);

/// An engine for one window at a time with the precision of that word. Throws `inconsistent` for int8 where the weights
/// lack the ranges.
[[nodiscard]] vmt::onset_engine_options engine_options(const model& m, const std::string& precision,
                                                       vmt::index_t height = paper_height,
                                                       vmt::index_t width = paper_width);

}  // namespace tool
