// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <string>

namespace vmt_test {

/// The code of the error that a call throws, and in `sentence` its text; 0 and "" where it throws none.
template <class F>
vmt::errc code_of(F&& call, std::string& sentence) {
  sentence.clear();
  try {
    call();
  } catch (const vmt::error& e) {
    sentence = e.what();
    return e.code();
  }
  return vmt::errc{};
}
template <class F>
vmt::errc code_of(F&& call) {
  std::string ignored;
  return code_of(call, ignored);
}

}  // namespace vmt_test
