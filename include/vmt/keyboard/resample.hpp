// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>    // clamp
#include <cstdint>      // fixed-point weights
#include <type_traits>  // is_invocable_r_v
#include <vector>       // tables

namespace vmt::inline VMT_ABI::keyboard {

/// A map from strip positions to picture points is any callable `point(double x, double y)`; both count in pixels from
/// the outer corner.
template <class Map>
concept strip_map = std::is_invocable_r_v<point, Map&, double, double>;

/// Resamples pictures by a fixed map from a strip to the picture.
///
/// A strip pixel is the mean of the picture over its footprint: the derivative of the map gives a box, at least one
/// pixel wide and high, whose overlap with each picture pixel is its weight. So shrinking does not alias, enlarging
/// interpolates linearly, and the identity passes a picture unchanged. Outside the picture its border is repeated.
/// Weights are 12-bit fixed point in each direction: the result is the same on every machine.
///
/// Construction computes the weights once (some ms); a call is one pass of integer sums without allocation. A const
/// object may be shared by threads.
class resampler {
 public:
  /// `map(x, y)` is the picture point that strip position (x, y) shows.
  /// Strip columns whose centre is not between `left` and `right` are black, and the map is not asked there.
  /// Throws `invalid_argument` for a strip that is not 1 … 8192 pixels each way, `limit_exceeded` for pictures of more
  /// than 2^31 pixels.
  template <strip_map Map>
  resampler(index_t width, index_t height, index_t strip_width, index_t strip_height, double left, double right,
            Map&& map)
      : width_(width), height_(height), strip_width_(strip_width), strip_height_(strip_height) {
    check_sizes(width, height, strip_width, strip_height);
    std::vector<footprint> row(static_cast<std::size_t>(strip_width));
    std::vector<point> above(row.size());  // the middle of each pixel's upper edge
    index_t first = 0;
    while (first < strip_width && !(static_cast<double>(first) + 0.5 > left)) ++first;
    index_t end = first;
    while (end < strip_width && static_cast<double>(end) + 0.5 < right) ++end;
    for (index_t x = first; x < end; ++x) {
      row[static_cast<std::size_t>(x)].inside = true;
      above[static_cast<std::size_t>(x)] = map(static_cast<double>(x) + 0.5, 0.0);
    }
    for (index_t y = 0; y < strip_height; ++y) {
      const double cy = static_cast<double>(y) + 0.5;
      point l = first < end ? map(static_cast<double>(first), cy) : point{};
      for (index_t x = first; x < end; ++x) {
        footprint& f = row[static_cast<std::size_t>(x)];
        point& t = above[static_cast<std::size_t>(x)];
        const double cx = static_cast<double>(x) + 0.5;
        const point centre = map(cx, cy);
        const point r = map(cx + 0.5, cy);
        const point b = map(cx, cy + 0.5);
        // The footprint is a parallelogram; the box with its spread in x and in y stands for it.
        box(centre.x, std::hypot(r.x - l.x, b.x - t.x), width, f.across);
        box(centre.y, std::hypot(r.y - l.y, b.y - t.y), height, f.down);
        l = r;
        t = b;
      }
      add_row(row);
    }
  }

  /// The checks of the constructor alone, for a caller that computes its map from the sizes.
  static void check_sizes(index_t width, index_t height, index_t strip_width, index_t strip_height) {
    if (strip_width < 1 || strip_height < 1 || strip_width > 8192 || strip_height > 8192) {
      throw error(errc::invalid_argument, "a strip of " + std::to_string(strip_width) + "x" +
                                              std::to_string(strip_height) + " pixels is not 1 to 8192 each way");
    }
    if (checked_product(width, height) > 0x7FFFFFFF) {
      throw error(errc::limit_exceeded, "frames of more than 2^31 pixels cannot be straightened");
    }
  }

  [[nodiscard]] index_t strip_width() const noexcept { return strip_width_; }
  [[nodiscard]] index_t strip_height() const noexcept { return strip_height_; }

  /// Fills `strip` from `picture`; time, number and damage mark go along. The two must be different objects.
  /// Throws `inconsistent` where the picture has not the size that was stated at construction.
  void operator()(const frame& picture, frame& strip) const {
    if (picture.width != width_ || picture.height != height_ ||
        static_cast<index_t>(picture.pixels.size()) != width_ * height_ || &picture == &strip) {
      throw error(errc::inconsistent, "a frame of " + std::to_string(picture.width) + "x" +
                                          std::to_string(picture.height) + " pixels was given to a straightener for " +
                                          std::to_string(width_) + "x" + std::to_string(height_) +
                                          "; all frames of a video must have one size");
    }
    strip.resize(strip_width_, strip_height_);
    strip.time = picture.time;
    strip.number = picture.number;
    strip.damaged = picture.damaged;
    for (index_t y = 0; y < strip_height_; ++y) {
      const row_table& row = rows_[static_cast<std::size_t>(y)];
      const std::int32_t* const starts = starts_.data() + y * strip_width_;
      const std::uint16_t* const weights = weights_.data() + row.weights_at;
      const bool few = row.across < 8 && row.down < 8;
      switch (few ? row.across * 8 + row.down : 0) {  // the common sizes get unrolled loops
        case 1 * 8 + 1: run<1, 1>(picture, starts, weights, row, strip.row(y)); break;
        case 2 * 8 + 2: run<2, 2>(picture, starts, weights, row, strip.row(y)); break;
        case 2 * 8 + 3: run<2, 3>(picture, starts, weights, row, strip.row(y)); break;
        case 3 * 8 + 2: run<3, 2>(picture, starts, weights, row, strip.row(y)); break;
        case 3 * 8 + 3: run<3, 3>(picture, starts, weights, row, strip.row(y)); break;
        case 4 * 8 + 3: run<4, 3>(picture, starts, weights, row, strip.row(y)); break;
        case 4 * 8 + 4: run<4, 4>(picture, starts, weights, row, strip.row(y)); break;
        default: run<0, 0>(picture, starts, weights, row, strip.row(y));
      }
    }
  }

 private:
  static constexpr int weight_bits = 12;
  static constexpr double weight_one = 1 << weight_bits;

  /// Weights of neighbouring pixels from `first` on; their sum is exactly 1 << weight_bits.
  struct taps {
    index_t first = 0;
    std::vector<std::uint16_t> weights{};
  };
  struct footprint {
    bool inside = false;
    taps across{};
    taps down{};
  };
  struct row_table {
    index_t weights_at;
    index_t across;  ///< taps per pixel; the row's largest number, the others have zeros
    index_t down;
  };

  /// The overlap of [centre − extent/2, centre + extent/2] with the pixels [i, i + 1] of a line, as fractions of the
  /// extent; what lies outside the line counts for its first or last pixel.
  static void box(double centre, double extent, index_t size, taps& result) {
    extent = (std::max)(extent, 1.0);
    const double last = static_cast<double>(size - 1);
    const double low = centre - extent / 2;
    const double high = centre + extent / 2;
    const auto first = static_cast<index_t>(std::clamp(std::floor(low), 0.0, last));
    const auto end = static_cast<index_t>(std::clamp(std::ceil(high), 1.0, last + 1));
    result.first = first;
    result.weights.resize(static_cast<std::size_t>(std::max<index_t>(end - first, 1)));
    // Rounding the running sum, not the parts, makes the whole exact.
    double before = 0;
    for (std::size_t i = 0; i < result.weights.size(); ++i) {
      const double edge = static_cast<double>(first) + static_cast<double>(i) + 1;
      const bool is_last = i + 1 == result.weights.size();
      const double upto = is_last ? weight_one : std::round(std::clamp((edge - low) / extent, 0.0, 1.0) * weight_one);
      result.weights[i] = static_cast<std::uint16_t>(upto - before);
      before = upto;
    }
    while (result.weights.size() > 1 && result.weights.back() == 0) result.weights.pop_back();
  }

  void add_row(std::vector<footprint>& row) {
    row_table table{static_cast<index_t>(weights_.size()), 1, 1};
    for (const footprint& f : row) {
      if (!f.inside) continue;
      table.across = (std::max)(table.across, static_cast<index_t>(f.across.weights.size()));
      table.down = (std::max)(table.down, static_cast<index_t>(f.down.weights.size()));
    }
    const auto pad = [](taps& t, index_t count, index_t size) {
      while (static_cast<index_t>(t.weights.size()) < count) {
        const bool room = t.first + static_cast<index_t>(t.weights.size()) < size;
        t.weights.insert(room ? t.weights.end() : t.weights.begin(), 0);
        t.first -= room ? 0 : 1;
      }
    };
    for (footprint& f : row) {
      if (!f.inside) f.across = f.down = taps{0, {0}};
      pad(f.across, table.across, width_);
      pad(f.down, table.down, height_);
      starts_.push_back(static_cast<std::int32_t>(f.down.first * width_ + f.across.first));
      weights_.insert(weights_.end(), f.across.weights.begin(), f.across.weights.end());
      weights_.insert(weights_.end(), f.down.weights.begin(), f.down.weights.end());
    }
    rows_.push_back(table);
  }

  /// One row of the strip; Across and Down are the numbers of taps when known at compile time, else 0.
  template <int Across, int Down>
  void run(const frame& picture, const std::int32_t* starts, const std::uint16_t* weights, const row_table& row,
           std::uint8_t* out) const noexcept {
    const index_t across = Across != 0 ? Across : row.across;
    const index_t down = Down != 0 ? Down : row.down;
    for (index_t x = 0; x < strip_width_; ++x) {
      const std::uint8_t* in = picture.pixels.data() + starts[x];
      const std::uint16_t* const vertical = weights + across;
      std::uint32_t sum = 0;  // at most 255 · 2^24 < 2^32
      for (index_t j = 0; j < down; ++j, in += width_) {
        std::uint32_t line = 0;
        for (index_t i = 0; i < across; ++i) line += static_cast<std::uint32_t>(in[i]) * weights[i];
        sum += line * vertical[j];
      }
      out[x] = static_cast<std::uint8_t>((sum + (1U << (2 * weight_bits - 1))) >> (2 * weight_bits));
      weights = vertical + down;
    }
  }

  index_t width_;
  index_t height_;
  index_t strip_width_;
  index_t strip_height_;
  std::vector<row_table> rows_;
  std::vector<std::int32_t> starts_;
  std::vector<std::uint16_t> weights_;
};

}  // namespace vmt::inline VMT_ABI::keyboard
