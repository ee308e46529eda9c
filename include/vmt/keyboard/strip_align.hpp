// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard.hpp>
#include <vmt/keyboard/strip_layout.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>  // max
#include <array>      // coefficients
#include <cmath>      // sqrt
#include <cstdint>    // uint8_t
#include <vector>     // points

namespace vmt::inline VMT_ABI::keyboard {

/// How a plane moved, seen in a key-aligned strip: what the plate has at p is seen at p + motion(p). The eight fields
/// of an infinitesimal homography, in pixels: with s = −1 … 1 along the keyboard and r = −1 … 1 over its depth, the
/// displacement is (c0 + c2 s + c3 r + c6 s² + c7 s r, c1 + c4 s + c5 r + (c6 s r + c7 r²) b/a), where a and b are half
/// the keyboard's width and depth in pixels.
struct strip_motion {
  static constexpr std::size_t size = 8;
  std::array<double, size> c{};

  /// The displacement at a place in s and r; `aspect` is b/a.
  [[nodiscard]] constexpr point at(double s, double r, double aspect) const noexcept {
    return {c[0] + c[2] * s + c[3] * r + c[6] * s * s + c[7] * s * r,
            c[1] + c[4] * s + c[5] * r + (c[6] * s * r + c[7] * r * r) * aspect};
  }
};

/// What `strip_aligner` found.
struct alignment {
  strip_motion motion;
  /// The share of the plate's edges that are where the motion has them; hands, shadows and pressed keys hide some.
  double agreement = 0;
};

/// Finds the small motion of the camera between a plate and a strip, by Gauss–Newton on the gray values at the plate's
/// strongest edges (Lucas and Kanade 1981; Baker and Matthews 2004), with one gain and one offset for the light and
/// Tukey's biweight against hands. Memory is taken in `refer_to` only; the results are the same for any number of
/// threads.
class strip_aligner {
 public:
  explicit strip_aligner(const strip_layout& layout)
      : width_(layout.width()),
        across_(static_cast<double>(layout.width()) / 2),
        down_(static_cast<double>(strip_layout::rows_on_keys) / 2) {
    validate(layout);
  }

  /// Takes the picture of the empty keyboard to align to. Throws `shape_mismatch` where it is no strip of the layout.
  void refer_to(const frame& plate) {
    require_strip(plate);
    copy_level0(plate, reference_[0]);
    for (std::size_t l = 1; l < levels; ++l) reference_[l].halve(reference_[l - 1]);
    for (std::size_t l = 0; l < levels; ++l) choose_points(l);
    for (std::size_t l = 0; l < levels; ++l) seen_[l] = reference_[l];
  }
  [[nodiscard]] bool ready() const noexcept { return !points_[0].empty(); }

  /// The motion of a strip, starting from a guess that is right to a pixel or so. Throws as `refer_to`.
  [[nodiscard]] alignment refine(const frame& strip, const strip_motion& guess = {}) {
    require_strip(strip);
    const view whole{strip.pixels.data(), strip.width, strip.height};
    return fit(whole, 0, guess);
  }

  /// The motion of a strip without a guess: tries shifts of up to 5 white keys and 0.3 depths in a picture of a
  /// quarter of the size, then refines the best. Some ms. Throws as `refer_to`.
  [[nodiscard]] alignment search(const frame& strip) {
    require_strip(strip);
    copy_level0(strip, seen_[0]);
    for (std::size_t l = 1; l < levels; ++l) seen_[l].halve(seen_[l - 1]);
    alignment found{best_shift(), 0};
    for (std::size_t l = levels; l-- > 0;) found = fit(seen_[l].as_view(), l, found.motion);
    return found;
  }

  /// Where a position of the strip has moved to.
  [[nodiscard]] point moved(const strip_motion& m, double x, double y) const noexcept {
    const point d = m.at(s_of(x), r_of(y), down_ / across_);
    return {x + d.x, y + d.y};
  }

  /// The largest displacement of a corner of the keyboard, in pixels of the strip.
  [[nodiscard]] double largest(const strip_motion& m) const noexcept {
    double most = 0;
    for (const double s : {-1.0, 1.0}) {
      for (const double r : {-1.0, 1.0}) {
        const point d = m.at(s, r, down_ / across_);
        most = (std::max)(most, std::hypot(d.x, d.y));
      }
    }
    return most;
  }

 private:
  static constexpr std::size_t levels = 3;  ///< each half the size of the one before
  static constexpr std::size_t unknowns = strip_motion::size + 2;

  struct view {
    const std::uint8_t* pixels;
    index_t width;
    index_t height;
    /// Linear interpolation at a position that has four pixels around it.
    [[nodiscard]] float at(float x, float y) const noexcept {
      const auto ix = static_cast<index_t>(x);
      const auto iy = static_cast<index_t>(y);
      const std::uint8_t* const p = pixels + iy * width + ix;
      const float fx = x - static_cast<float>(ix);
      const float fy = y - static_cast<float>(iy);
      const float top = static_cast<float>(p[0]) + fx * (static_cast<float>(p[1]) - static_cast<float>(p[0]));
      const float bottom =
          static_cast<float>(p[width]) + fx * (static_cast<float>(p[width + 1]) - static_cast<float>(p[width]));
      return top + fy * (bottom - top);
    }
  };
  struct image {
    index_t width = 0;
    index_t height = 0;
    std::vector<std::uint8_t> pixels{};
    [[nodiscard]] view as_view() const noexcept { return {pixels.data(), width, height}; }
    [[nodiscard]] int at(index_t x, index_t y) const noexcept {
      return pixels[static_cast<std::size_t>(y * width + x)];
    }
    void halve(const image& from) {
      width = from.width / 2;
      height = from.height / 2;
      pixels.resize(static_cast<std::size_t>(width * height));
      for (index_t y = 0; y < height; ++y) {
        for (index_t x = 0; x < width; ++x) {
          const int sum = from.at(2 * x, 2 * y) + from.at(2 * x + 1, 2 * y) + from.at(2 * x, 2 * y + 1) +
                          from.at(2 * x + 1, 2 * y + 1);
          pixels[static_cast<std::size_t>(y * width + x)] = static_cast<std::uint8_t>((sum + 2) / 4);
        }
      }
    }
  };
  /// An edge pixel of the plate; position and gradient in pixels of its level.
  struct edge {
    float x, y;
    float s, r;
    float gray;
    float gx, gy;
  };

  void require_strip(const frame& f) const {
    if (f.width != width_ || f.height != strip_layout::height()) {
      throw error(errc::shape_mismatch, "strip_aligner: a strip of " + std::to_string(f.width) + "x" +
                                            std::to_string(f.height) + " pixels; " + std::to_string(width_) + "x" +
                                            std::to_string(strip_layout::height()) + " were expected");
    }
  }
  static void copy_level0(const frame& from, image& to) {
    to.width = from.width;
    to.height = from.height;
    to.pixels.assign(from.pixels.begin(), from.pixels.end());
  }
  [[nodiscard]] double s_of(double x) const noexcept { return x / across_ - 1; }
  [[nodiscard]] double r_of(double y) const noexcept { return (y - strip_layout::row_of(0.5)) / down_; }

  /// Of every block of 8x8 pixels on the keys the strongest step along x and the strongest along y.
  void choose_points(std::size_t level) {
    const image& p = reference_[level];
    const index_t scale = index_t{1} << level;
    const index_t first = 4 / scale + 1;  // behind the rear edge lies another plane
    const index_t last = 87 / scale;                          // just over the front edge
    std::vector<edge>& points = points_[level];
    points.clear();
    for (index_t by = first; by < last; by += 8) {
      for (index_t bx = 1; bx < p.width - 1; bx += 8) {
        std::array<edge, 2> best{};
        for (index_t y = by; y < (std::min)(by + 8, last); ++y) {
          for (index_t x = bx; x < (std::min)(bx + 8, p.width - 1); ++x) {
            const auto gx = static_cast<float>(p.at(x + 1, y) - p.at(x - 1, y)) / 2;
            const auto gy = static_cast<float>(p.at(x, y + 1) - p.at(x, y - 1)) / 2;
            const edge e{static_cast<float>(x), static_cast<float>(y), 0, 0, static_cast<float>(p.at(x, y)), gx, gy};
            if (std::abs(gx) > std::abs(best[0].gx)) best[0] = e;
            if (std::abs(gy) > std::abs(best[1].gy)) best[1] = e;
          }
        }
        for (std::size_t i = 0; i < 2; ++i) {
          edge& e = best[i];
          if (std::abs(i == 0 ? e.gx : e.gy) < 4) continue;
          e.s = static_cast<float>(s_of((static_cast<double>(e.x) + 0.5) * static_cast<double>(scale)));
          e.r = static_cast<float>(r_of((static_cast<double>(e.y) + 0.5) * static_cast<double>(scale)));
          points.push_back(e);
        }
      }
    }
    residuals_.resize((std::max)(residuals_.size(), points.size()));
  }

  /// The shift, in whole pixels of the smallest level, with the highest correlation.
  [[nodiscard]] strip_motion best_shift() const {
    const image& t = reference_[levels - 1];
    const image& f = seen_[levels - 1];
    constexpr index_t scale = index_t{1} << (levels - 1);
    double best = -2;
    strip_motion result;
    for (index_t dy = -6; dy <= 6; ++dy) {
      for (index_t dx = -20; dx <= 20; ++dx) {
        std::int64_t n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
        for (index_t y = (std::max)(index_t{1}, -dy); y < (std::min)(index_t{21}, f.height - dy); ++y) {
          for (index_t x = (std::max)(index_t{0}, -dx); x < (std::min)(t.width, f.width - dx); ++x) {
            const int u = t.at(x, y);
            const int v = f.at(x + dx, y + dy);
            ++n;
            a += u;
            b += v;
            aa += u * u;
            bb += v * v;
            ab += u * v;
          }
        }
        const double va = static_cast<double>(n * aa - a * a);
        const double vb = static_cast<double>(n * bb - b * b);
        if (!(va > 0 && vb > 0)) continue;
        const double score = static_cast<double>(n * ab - a * b) / std::sqrt(va * vb);
        if (score <= best) continue;
        best = score;
        result.c[0] = static_cast<double>(dx * scale);
        result.c[1] = static_cast<double>(dy * scale);
      }
    }
    return result;
  }

  [[nodiscard]] alignment fit(const view& picture, std::size_t level, const strip_motion& guess) {
    alignment result{guess, 0};
    double gain = 1;
    double offset = 0;
    for (int round = 0; round < 12; ++round) {
      const double scatter = evaluate(picture, level, result, gain, offset);
      if (scatter < 0) return {guess, 0};
      std::array<double, unknowns> step{};
      if (!solve(level, gain, scatter, step)) return {guess, 0};
      strip_motion moved;
      for (std::size_t i = 0; i < strip_motion::size; ++i) {
        moved.c[i] = step[i];
        result.motion.c[i] += step[i];
      }
      gain = std::clamp(gain + step[strip_motion::size], 0.3, 3.0);
      offset += step[strip_motion::size + 1];
      if (largest(moved) < 0.02 * static_cast<double>(index_t{1} << level)) break;
    }
    evaluate(picture, level, result, gain, offset);
    return result;
  }

  /// Residuals of all points, NaN outside the picture, and the agreement. Returns their scatter (1.48 times the median
  /// of the absolute values, at least 2), or −1 where less than half of the points are inside.
  double evaluate(const view& picture, std::size_t level, alignment& a, double gain, double offset) {
    const std::vector<edge>& points = points_[level];
    const double scale = static_cast<double>(index_t{1} << level);
    const auto right = static_cast<float>(picture.width - 1);
    const auto bottom = static_cast<float>(picture.height - 1);
    std::array<int, 512> histogram{};
    int inside = 0;
    int agreeing = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const edge& e = points[i];
      const point d = a.motion.at(static_cast<double>(e.s), static_cast<double>(e.r), down_ / across_);
      const float x = e.x + static_cast<float>(d.x / scale);
      const float y = e.y + static_cast<float>(d.y / scale);
      if (!(x >= 0 && y >= 0 && x < right && y < bottom)) {
        residuals_[i] = outside;
        continue;
      }
      const float r = picture.at(x, y) - static_cast<float>(gain) * e.gray - static_cast<float>(offset);
      residuals_[i] = r;
      ++inside;
      ++histogram[static_cast<std::size_t>((std::min)(std::abs(r) * 2, 511.0F))];
      // off by less than what half a pixel's motion makes
      agreeing += std::abs(r) < 6 + std::abs(e.gx) / 2 + std::abs(e.gy) / 2 ? 1 : 0;
    }
    a.agreement = inside == 0 ? 0 : static_cast<double>(agreeing) / inside;
    if (inside * 2 < static_cast<int>(points.size()) || inside < 50) return -1;
    int below = 0;
    std::size_t bin = 0;
    while ((below += histogram[bin]) * 2 < inside) ++bin;
    return (std::max)(2.0, 1.4826 * (static_cast<double>(bin) + 0.5) / 2);
  }

  /// One step of weighted least squares: residual + gain ∇T·δ − T δgain − δoffset → 0.
  bool solve(std::size_t level, double gain, double scatter, std::array<double, unknowns>& step) const {
    const std::vector<edge>& points = points_[level];
    const auto per_pixel = static_cast<float>(gain / static_cast<double>(index_t{1} << level));
    const auto aspect = static_cast<float>(down_ / across_);
    const auto cut = static_cast<float>(1 / (4.685 * scatter));
    std::array<std::array<double, unknowns + 1>, unknowns> a{};
    for (std::size_t i = 0; i < points.size(); ++i) {
      const edge& e = points[i];
      const float u = residuals_[i] * cut;
      if (!(u > -1 && u < 1)) continue;
      const float w = (1 - u * u) * (1 - u * u);
      const float gx = per_pixel * e.gx;
      const float gy = per_pixel * e.gy;
      const std::array<float, unknowns + 1> j{gx,
                                              gy,
                                              gx * e.s,
                                              gx * e.r,
                                              gy * e.s,
                                              gy * e.r,
                                              gx * e.s * e.s + gy * e.s * e.r * aspect,
                                              gx * e.s * e.r + gy * e.r * e.r * aspect,
                                              -e.gray,
                                              -1,
                                              -residuals_[i]};
      for (std::size_t p = 0; p < unknowns; ++p) {
        const float wj = w * j[p];
        for (std::size_t q = p; q <= unknowns; ++q) a[p][q] += static_cast<double>(wj * j[q]);
      }
    }
    // The motion is small a priori: some 30 pixels, its curvature 5. Keeps what hands hide from running away.
    for (std::size_t p = 0; p < strip_motion::size; ++p) {
      const double prior = p < 6 ? 30 : 5;
      a[p][p] += scatter * scatter / (prior * prior);
    }
    return cholesky(a, step);
  }

  /// Solves the symmetric system whose upper triangle and right side are in a.
  static bool cholesky(std::array<std::array<double, unknowns + 1>, unknowns>& a, std::array<double, unknowns>& x) {
    for (std::size_t p = 0; p < unknowns; ++p) {
      for (std::size_t k = 0; k < p; ++k) {
        const double f = a[k][p];
        for (std::size_t q = p; q <= unknowns; ++q) a[p][q] -= f * a[k][q];
      }
      if (!(a[p][p] > 1e-9)) return false;
      const double root = std::sqrt(a[p][p]);
      for (std::size_t q = p; q <= unknowns; ++q) a[p][q] /= root;
    }
    for (std::size_t p = unknowns; p-- > 0;) {
      double sum = a[p][unknowns];
      for (std::size_t q = p + 1; q < unknowns; ++q) sum -= a[p][q] * x[q];
      x[p] = sum / a[p][p];
    }
    return true;
  }

  static constexpr float outside = 1e9F;

  index_t width_;
  double across_;
  double down_;
  std::array<image, levels> reference_;
  std::array<image, levels> seen_;
  std::array<std::vector<edge>, levels> points_;
  std::vector<float> residuals_;
};

}  // namespace vmt::inline VMT_ABI::keyboard
