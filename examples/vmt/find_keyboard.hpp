// SPDX-License-Identifier: MIT
#pragma once

#include "video.hpp"

#include <vmt/keyboard/find.hpp>

#include <string>

namespace tool {

/// The keyboard in the video IN, for `--keyboard auto`. Reads IN from its start, or from `start` seconds on; IN must be
/// such that it can be opened again, so not `-`. Throws `inconsistent` with a sentence that says why no keyboard can be
/// named and which option helps.
[[nodiscard]] vmt::keyboard::find_result find_keyboard_of(const std::string& in,
                                                          const vmt::media::frame_folder_options& frames,
                                                          const vmt::keyboard::find_options& options, double start = 0);

}  // namespace tool
