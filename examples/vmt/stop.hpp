// SPDX-License-Identifier: MIT
#pragma once

namespace tool {

/// From now on a first SIGINT or SIGTERM only raises a flag, which the command looks at between frames and steps; a
/// second one ends the program at once.
void finish_on_signals();

/// From now on a closed pipe and a file that grows too large are errors of writing, not deadly signals.
void outlive_failed_writes();

/// Whether a signal asked to stop.
[[nodiscard]] bool stop_requested() noexcept;

}  // namespace tool
