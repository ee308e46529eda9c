// SPDX-License-Identifier: MIT
#pragma once

#include "video.hpp"

#include <vmt/keyboard/find.hpp>

#include <string>

namespace tool {

/// The keyboard in the video IN, for `--keyboard auto`. Reads IN from its start, or from `start` seconds on; IN must be
/// such that it can be opened again, so not `-`. Without a choice but with one keyboard found, only its octave is open.
/// Throws `inconsistent` with a sentence where no keyboard can be named.
[[nodiscard]] vmt::keyboard::find_result find_keyboard_of(const std::string& in,
                                                          const vmt::media::frame_folder_options& frames,
                                                          const vmt::keyboard::find_options& options, double start = 0);

/// The library's sentence, with the options of this program that answer its question.
[[nodiscard]] std::string refusal_of(const std::string& in, const vmt::keyboard::find_result& result);

/// The library's remark on what was found, if there is one, with the option that answers it; on stderr.
void say_remark(const vmt::keyboard::find_result& result);

}  // namespace tool
