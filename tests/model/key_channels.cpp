// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/core/rng.hpp>
#include <vmt/model/key_channels.hpp>

#include <cmath>
#include <vector>

using namespace vmt;

namespace {

struct strip {
  static constexpr std::size_t width = 48;
  static constexpr std::size_t rows = 5;
  std::vector<std::uint8_t> frame, before;
  std::vector<float> plate, white, range;
  std::vector<float> out = std::vector<float>(3 * rows * width, std::nanf(""));
  strip() {
    rng r(3);
    for (std::size_t i = 0; i < rows * width; ++i) {
      frame.push_back(static_cast<std::uint8_t>(r.below(256)));
      before.push_back(static_cast<std::uint8_t>(r.below(256)));
      plate.push_back(static_cast<float>(r.uniform(0, 255)));
    }
    for (std::size_t c = 0; c < width; ++c) {
      white.push_back(static_cast<float>(r.uniform(150, 250)));
      range.push_back(static_cast<float>(r.uniform(60, 240)));
    }
  }
  void run() { key_channels(frame, before, plate, white, range, out); }
};

}  // namespace

TEST_CASE("the three channels are the formulas, clamped where they say so") {
  for (const bool first : {false, true}) {
    strip s;
    if (first) s.before.clear();
    s.run();
    int clamped = 0;
    for (std::size_t i = 0; i < s.frame.size(); ++i) {
      const std::size_t c = i % strip::width;
      const double gray = s.frame[i], range = static_cast<double>(s.range[c]);
      const double c0 = (gray - static_cast<double>(s.white[c])) / range + 0.5;
      const double c1 = std::clamp(2 * (gray - static_cast<double>(s.plate[i])) / range, -1.5, 1.5);
      const double c2 = first ? 0 : std::clamp(3 * (gray - static_cast<double>(s.before[i])) / range, -1.5, 1.5);
      CHECK(std::abs(static_cast<double>(s.out[i]) - c0) < 1e-5);
      CHECK(std::abs(static_cast<double>(s.out[s.frame.size() + i]) - c1) < 1e-5);
      CHECK(std::abs(static_cast<double>(s.out[2 * s.frame.size() + i]) - c2) < 1e-5);
      clamped += std::abs(c1) == 1.5 ? 1 : 0;
    }
    CHECK(clamped > 10);
  }
}

TEST_CASE("sizes that do not agree and ranges that cannot divide are refused") {
  const auto refuses = [](auto spoil, errc code) {
    strip s;
    spoil(s);
    try {
      s.run();
      return false;
    } catch (const error& e) {
      return e.code() == code;
    }
  };
  CHECK(refuses(
      [](strip& s) {
        s.white.resize(40);
        s.range.resize(40);
      },
      errc::shape_mismatch));
  CHECK(refuses([](strip& s) { s.range.pop_back(); }, errc::shape_mismatch));
  CHECK(refuses([](strip& s) { s.plate.pop_back(); }, errc::shape_mismatch));
  CHECK(refuses([](strip& s) { s.before.pop_back(); }, errc::shape_mismatch));
  CHECK(refuses([](strip& s) { s.out.pop_back(); }, errc::shape_mismatch));
  CHECK(refuses([](strip& s) { s.frame.clear(); }, errc::shape_mismatch));
  CHECK(refuses([](strip& s) { s.range[7] = 0; }, errc::invalid_argument));
  CHECK(refuses([](strip& s) { s.range[40] = std::nanf(""); }, errc::invalid_argument));
}
