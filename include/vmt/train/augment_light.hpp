// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/train/block_coding.hpp>

#include <array>
#include <span>

namespace vmt::inline VMT_ABI::train {

/// Light and camera. Shares are of windows; "σ" are standard deviations.
struct light_options {
  double gamma = 0.25;          ///< σ of the logarithm of the gamma
  double gain = 0.12;           ///< σ of the logarithm of the gain
  double offset = 8;            ///< σ, gray levels
  double gradient_share = 0.5;  ///< an uneven light; half of these with a bright spot
  double drift = 0.025;         ///< σ of the exposure of the frames against the plate's
  double drift_offset = 2;      ///< σ, gray levels
  double flicker_share = 0.3;   ///< 2 % from frame to frame
  double coarse_share = 0.4;    ///< a lower resolution, 1.1 … `coarsest` times, 60 % of these coded as well
  double coarsest = 2.3;        ///< 16 / 2.3 = 7 pixels a white key
  double blur_share = 0.5;      ///< of the others: blurred by σ 0.3 … 1.1 pixels
  double sharp_share = 0.3;     ///< of the rest: sharpened
  double noise_share = 0.6;     ///< σ 0.5 … 6 gray levels
  double coding_share = 0.4;    ///< `block_coder`, quality 25 … 80
  double change_share = 0.5;    ///< of those that are coded: from the second frame on only the change is coded
};

/// Changes the light of a window and its plate, and takes away from their sharpness. A const object may be shared by
/// threads.
class light_augmenter {
 public:
  explicit light_augmenter(const light_options& options = {}) : o_(options), normals_(65536) {
    rng random(0x6C69676874, 0, 0, rng_use::augmentation);
    for (float& v : normals_) v = static_cast<float>(random.normal());
  }

  /// `frames`: of one size, which is the plate's; gray 0 … 255. Values stay in this range.
  void operator()(std::span<plane> frames, plane& plate, rng random) const {
    const index_t w = plate.width, h = plate.height;
    const double gamma = std::exp(o_.gamma * random.normal()), gain = std::exp(o_.gain * random.normal());
    const double offset = o_.offset * random.normal();
    std::array<float, 257> curve{};
    for (std::size_t i = 0; i < curve.size(); ++i) {
      const double v = (std::min)(static_cast<double>(i), 255.0);
      curve[i] = static_cast<float>(std::clamp(255 * std::pow(v / 255, gamma) * gain + offset, 0.0, 255.0));
    }
    plane factor, spot;
    const bool uneven = random.uniform() < o_.gradient_share;
    if (uneven) uneven_light(w, h, random, factor, spot);
    const double exposure = 1 + o_.drift * random.normal(), shift = o_.drift_offset * random.normal();
    const bool flickers = random.uniform() < o_.flicker_share;
    const double speed = random.uniform(0.3, 3), phase = random.uniform(0, 6.28);
    const auto light = [&](plane& p, double by, double plus) {
      const auto a = static_cast<float>(by), b = static_cast<float>(plus);
      for (std::size_t i = 0; i < p.pixels.size(); ++i) {
        const float z = std::clamp(p.pixels[i], 0.0F, 255.0F);
        const auto n = static_cast<std::size_t>(z);
        float v = curve[n] + (z - static_cast<float>(n)) * (curve[n + 1] - curve[n]);
        if (uneven) v = v * factor.pixels[i] + spot.pixels[i];
        p.pixels[i] = v * a + b;
      }
    };
    light(plate, 1, 0);
    double t = 0;
    for (plane& p : frames) light(p, exposure * (flickers ? 1 + 0.02 * std::sin(speed * t++ + phase) : 1.0), shift);
    soften(frames, plate, random);
    if (random.uniform() < o_.noise_share) {
      const double sigma = random.uniform(0.5, 6);
      for (plane& p : frames) add_noise(p, sigma, random);
    }
    const bool coded = random.uniform() < o_.coding_share;
    const double quality = random.uniform(25, 80);
    const bool changes = random.uniform() < o_.change_share;
    plane before;
    if (coded) {
      for (plane& p : frames) code(p, quality, changes ? &before : nullptr);
    }
    for (plane& p : frames) clamp(p);
    clamp(plate);
  }

 private:
  static void clamp(plane& p) noexcept {
    for (float& v : p.pixels) v = std::clamp(v, 0.0F, 255.0F);
  }

  /// Codes a picture, or, as video coders do, what has changed since `before`, which it becomes: where little changes,
  /// nothing does.
  void code(plane& p, double quality, plane* before) const {
    if (before == nullptr || before->pixels.empty()) {
      coder_(p, quality);
    } else {
      for (std::size_t i = 0; i < p.pixels.size(); ++i) p.pixels[i] -= before->pixels[i];
      coder_(p, quality);
      for (std::size_t i = 0; i < p.pixels.size(); ++i) p.pixels[i] += before->pixels[i];
    }
    if (before != nullptr) *before = p;
  }

  static void uneven_light(index_t w, index_t h, rng& random, plane& factor, plane& spot) {
    factor.resize(w, h);
    spot.resize(w, h);
    const double slope_x = 0.12 * random.normal(), slope_y = 0.08 * random.normal();
    const double strength = random.uniform() < 0.5 ? random.uniform(20, 120) : 0;
    const double cx = random.uniform(0, static_cast<double>(w)), cy = random.uniform(0, 0.9 * static_cast<double>(h));
    const double rx = random.uniform(6, 60), ry = random.uniform(6, 50);
    std::vector<double> across;  // a Gaussian is the product of those of its axes
    for (index_t x = 0; x < w; ++x) {
      const double d = (static_cast<double>(x) - cx) / rx;
      across.push_back(strength * std::exp(-d * d));
    }
    for (index_t y = 0; y < h; ++y) {
      const double v = 2 * (static_cast<double>(y) / static_cast<double>(h) - 0.5);
      const double d = (static_cast<double>(y) - cy) / ry;
      const double down = std::exp(-d * d);
      for (index_t x = 0; x < w; ++x) {
        const double u = 2 * (static_cast<double>(x) / static_cast<double>(w) - 0.5);
        factor.row(y)[x] = static_cast<float>(1 + slope_x * u + slope_y * v);
        spot.row(y)[x] = static_cast<float>(across[static_cast<std::size_t>(x)] * down);
      }
    }
  }

  /// Lower resolution, or blur, or sharpening, or none.
  void soften(std::span<plane> frames, plane& plate, rng& random) const {
    const index_t w = plate.width, h = plate.height;
    const bool coarse = random.uniform() < o_.coarse_share, blurred = random.uniform() < o_.blur_share;
    const bool sharpened = random.uniform() < o_.sharp_share;
    const double k = random.uniform(1.1, (std::max)(1.1, o_.coarsest)), amount = random.uniform();
    const double quality = random.uniform() < 0.6 ? random.uniform(30, 90) : 0;
    const bool changes = random.uniform() < o_.change_share;
    plane between, small, before;
    const auto each = [&](auto&& f) {
      for (plane& p : frames) f(p);
      f(plate);
    };
    if (coarse) {
      const auto cw = static_cast<index_t>(static_cast<double>(w) / k);
      const auto ch = static_cast<index_t>(static_cast<double>(h) / k);
      const axis_filter to_w = detail::area_filter(w, cw), to_h = detail::area_filter(h, ch);
      const axis_filter from_w = detail::cubic_filter(cw, w), from_h = detail::cubic_filter(ch, h);
      each([&](plane& p) {
        filter(p, to_w, to_h, between, small);
        // The plate is a picture of its own.
        if (quality > 0) code(small, quality, changes && &p != &plate ? &before : nullptr);
        filter(small, from_w, from_h, between, p);
      });
    } else if (blurred || sharpened) {
      const double sigma = blurred ? 0.3 + 0.8 * amount : 1.2;
      const axis_filter across = detail::gaussian_filter(w, sigma), down = detail::gaussian_filter(h, sigma);
      const auto more = static_cast<float>(0.3 + 0.7 * amount);
      each([&](plane& p) {
        filter(p, across, down, between, small);
        if (blurred) {
          std::swap(p, small);
        } else {
          for (std::size_t i = 0; i < p.pixels.size(); ++i) p.pixels[i] += more * (p.pixels[i] - small.pixels[i]);
        }
      });
    }
  }

  /// Each row takes its numbers from a table, from a random place on.
  void add_noise(plane& p, double sigma, rng& random) const {
    const auto s = static_cast<float>(sigma);
    for (index_t y = 0; y < p.height; ++y) {
      const float* const n = normals_.data() + random.below(static_cast<index_t>(normals_.size()) - p.width + 1);
      float* const row = p.row(y);
      for (index_t x = 0; x < p.width; ++x) row[x] += s * n[x];
    }
  }

  light_options o_;
  std::vector<float> normals_;
  block_coder coder_;
};

}  // namespace vmt::inline VMT_ABI::train
