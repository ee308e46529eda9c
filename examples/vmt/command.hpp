// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <functional>  // run
#include <string_view>

namespace tool {

class parser;

/// A command of the program: its parser, and what to do once its options are filled in. `run` returns the exit status.
struct command {
  parser* line;
  std::function<int()> run;
};

command add_transcribe(parser& app);
command add_find_keyboard(parser& app);
command add_render(parser& app);
command add_train(parser& app);
command add_evaluate(parser& app);
command add_forward(parser& app);
command add_info(parser& app);
command add_bench(parser& app);
command add_quantize(parser& app);

/// The exit statuses of the program; those above 64 are the ones of BSD's sysexits.h.
enum exit_status : int { done = 0, wrong_usage = 2, bad_data = 65, io_error = 74, stopped_early = 75 };

/// The exit status for an error of the library.
[[nodiscard]] constexpr exit_status status_of(vmt::errc code) noexcept {
  switch (code) {
    case vmt::errc::invalid_argument: return wrong_usage;
    case vmt::errc::not_found:
    case vmt::errc::io_failure: return io_error;
    case vmt::errc::stopped: return stopped_early;
    case vmt::errc::shape_mismatch:
    case vmt::errc::bad_format:
    case vmt::errc::unsupported:
    case vmt::errc::limit_exceeded:
    case vmt::errc::not_finite:
    case vmt::errc::inconsistent: break;
  }
  return bad_data;
}

/// Writes to stdout at once. Throws `io_failure`, so that a full disk behind a redirection is noticed.
void print(std::string_view text);

/// A line on stderr that begins with the program's name.
void complain(std::string_view text);

}  // namespace tool
