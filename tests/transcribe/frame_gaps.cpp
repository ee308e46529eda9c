// SPDX-License-Identifier: MIT
#include <vmt/transcribe/frame_gaps.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using vmt::transcribe::frame_gaps;

namespace {

/// Which of the frames follow a gap.
std::vector<int> gaps_in(const std::vector<double>& times, double factor = 1.5) {
  frame_gaps gap(factor);
  std::vector<int> found;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (gap(times[i])) found.push_back(static_cast<int>(i));
  }
  return found;
}

}  // namespace

TEST_CASE("a distance of more than one and a half periods is a gap") {
  CHECK(gaps_in({0, 1, 2, 3.4, 4.4}).empty());
  CHECK(gaps_in({0, 1, 2, 3.6, 4.6}) == std::vector{3});
  CHECK(gaps_in({0, 1, 2, 3.6, 4.6}, 1.7).empty());
  CHECK(gaps_in({0, 1, 100, 101}, std::numeric_limits<double>::infinity()).empty());
  CHECK(gaps_in({-5, -4, -3, -1, 0}) == std::vector{3});
}

TEST_CASE("one gap does not hide the next, a drifting rate is no gap") {
  CHECK(gaps_in({0, 1, 2, 3, 103, 104, 105, 108, 109}) == std::vector{4, 7});
  std::vector<double> times{0};
  for (double period = 0.02; period < 0.2; period *= 1.02) times.push_back(times.back() + period);
  CHECK(gaps_in(times).empty());
}

TEST_CASE("times that do not rise are refused") {
  for (const double wrong :
       {1.0, 0.5, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    frame_gaps gap;
    CHECK_FALSE(gap(1));
    CHECK_THROWS_AS(static_cast<void>(gap(wrong)), vmt::error);
  }
  CHECK_THROWS_AS(frame_gaps(1), vmt::error);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(frame_gaps{nan}, vmt::error);
}
