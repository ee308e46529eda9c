// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <algorithm>  // copy, nth_element
#include <array>      // recent distances
#include <cmath>      // isfinite
#include <cstddef>    // size_t
#include <string>     // messages

namespace vmt::inline VMT_ABI::transcribe {

/// Watches the times of frames: is something missing between this frame and the last? A gap is a distance of more than
/// `factor` periods; the period is the median of the last nine distances, so that a slowly changing frame rate is none,
/// and a lasting change of it is one for a few frames only. The first distance of a video is taken on trust.
class frame_gaps {
 public:
  explicit frame_gaps(double factor = 1.5) : factor_(factor) {
    if (!(factor > 1)) {
      throw error(errc::invalid_argument, "frame_gaps: a gap of " + std::to_string(factor) +
                                              " periods; more than 1 was expected (infinity: never)");
    }
  }

  /// Takes the time of the next frame. Throws `not_finite`, and `inconsistent` where it is not later than the last.
  [[nodiscard]] bool operator()(double time) {
    if (!std::isfinite(time)) throw error(errc::not_finite, "the time of a frame is not finite");
    if (first_) {
      first_ = false;
      last_ = time;
      return false;
    }
    const double distance = time - last_;
    if (!(distance > 0)) {
      throw error(errc::inconsistent, "a frame at " + std::to_string(time) + " s follows one at " +
                                          std::to_string(last_) + " s; the times of frames must rise");
    }
    last_ = time;
    const bool gap = count_ > 0 && distance > factor_ * median();
    recent_[count_++ % recent_.size()] = distance;
    return gap;
  }

 private:
  [[nodiscard]] double median() const {
    std::array<double, 9> sorted = recent_;
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>((std::min)(count_, sorted.size()));
    const auto middle = sorted.begin() + (end - sorted.begin() - 1) / 2;
    std::nth_element(sorted.begin(), middle, end);
    return *middle;
  }

  double factor_;
  bool first_ = true;
  double last_ = 0;
  std::array<double, 9> recent_{};
  std::size_t count_ = 0;
};

}  // namespace vmt::inline VMT_ABI::transcribe
