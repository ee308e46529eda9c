// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <vmt/core/error.hpp>

#include <string>

namespace vmt_test {

/// The code of the error that f throws; its sentence has to contain `words`.
template <class F>
vmt::errc code_of(F&& f, const std::string& words = "") {
  try {
    f();
  } catch (const vmt::error& e) {
    CAPTURE(e.what());
    CAPTURE(words);
    CHECK(std::string(e.what()).find(words) != std::string::npos);
    return e.code();
  }
  FAIL("no error, expected: " << words);
  return vmt::errc::stopped;
}

}  // namespace vmt_test
