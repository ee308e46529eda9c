// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <stdexcept>  // runtime_error
#include <string>     // message
#include <string_view>

namespace vmt::inline VMT_ABI {

/// What went wrong, as a number that stays the same from version to version.
enum class errc {
  invalid_argument = 1,  ///< a parameter outside its documented range
  shape_mismatch = 2,    ///< tensors whose sizes do not fit each other
  bad_format = 3,        ///< a file or stream that breaks its format
  unsupported = 4,       ///< well-formed input of a kind that is not handled
  limit_exceeded = 5,    ///< input larger than a stated limit
  not_found = 6,         ///< a file, folder or tensor that should exist
  io_failure = 7,        ///< the operating system refused to read or write
  not_finite = 8,        ///< NaN or infinity where numbers are expected
  inconsistent = 9,      ///< parts of the input contradict each other (frame sizes, numbering, names)
  stopped = 10,          ///< a callback asked to stop
};

/// The code as a word, for logs: `vmt::name(errc::bad_format) == "bad_format"`.
[[nodiscard]] constexpr std::string_view name(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument: return "invalid_argument";
    case errc::shape_mismatch: return "shape_mismatch";
    case errc::bad_format: return "bad_format";
    case errc::unsupported: return "unsupported";
    case errc::limit_exceeded: return "limit_exceeded";
    case errc::not_found: return "not_found";
    case errc::io_failure: return "io_failure";
    case errc::not_finite: return "not_finite";
    case errc::inconsistent: return "inconsistent";
    case errc::stopped: return "stopped";
  }
  return "unknown";
}

/// The one exception of the library. The message is a whole sentence: where, what was found, what was expected, what to
/// do. Where a function documents that it throws, the objects involved keep their former state.
class error : public std::runtime_error {
 public:
  error(errc code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] errc code() const noexcept { return code_; }

 private:
  errc code_;
};

}  // namespace vmt::inline VMT_ABI
