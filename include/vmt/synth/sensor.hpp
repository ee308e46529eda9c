// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/frame.hpp>
#include <vmt/synth/strokes.hpp>

namespace vmt::inline VMT_ABI::synth {

/// From light to a gray picture: focus, resolution, exposure, gamma, noise, coding, and enlarged again. The noise of
/// frame i depends on (seed, i) only.
class sensor {
 public:
  sensor(const options& o, std::uint64_t seed) : o_(o.sensor), seed_(seed) {
    rng random = stream(seed, part::sensor);
    for (float& v : noise_) v = static_cast<float>(std::clamp(random.normal(), -3.5, 3.5));
    if (o_.noise_size > 1) coarsen();
    kernel_ = gaussian(o_.focus);
    for (std::size_t i = 0; i < curve_.size(); ++i) {
      const double light = (static_cast<double>(i) / curve_step * o_.gain + o_.veil) / 255;
      curve_[i] = static_cast<float>(255 * soft_limit(std::pow((std::max)(light, 0.0), o_.gamma)));
    }
    for (std::size_t k = 0; k < 8; ++k) {
      for (std::size_t i = 0; i < 8; ++i) {
        const double scale = k == 0 ? std::sqrt(0.125) : 0.5;
        basis_[k][i] = static_cast<float>(
            scale * std::cos((2 * static_cast<double>(i) + 1) * static_cast<double>(k) * std::numbers::pi / 16));
      }
    }
  }

  /// Reads `light` (which it blurs) and writes the pixels of `out`. `number` chooses the noise, `exposure` scales all.
  void operator()(canvas& light, std::int64_t number, double exposure, frame& out) {
    if (kernel_.size() > 1) blur(light, kernel_);
    const double down = (std::min)(o_.detail * o_.rows, 1.0);
    if (o_.detail < 1 || down < 1) {  // noise and blocks are those of the small picture
      shrink(light, o_.detail, down);
      develop(small_, number, static_cast<float>(exposure));
      if (o_.blocks > 0) code(small_);
      enlarge(light);
    } else {
      develop(light, number, static_cast<float>(exposure));
      if (o_.blocks > 0) code(light);
    }
    out.resize(light.width, light.height);
    for (std::size_t i = 0; i < light.pixels.size(); ++i) {
      out.pixels[i] = static_cast<std::uint8_t>(std::clamp(light.pixels[i] + 0.5F, 0.0F, 255.0F));
    }
  }

 private:
  static constexpr std::size_t tile = 256;
  static constexpr double curve_step = 4;  ///< entries of the curve for a gray level

  /// Straight up to 0.92, then bent so that 1.35 becomes 1.
  [[nodiscard]] static double soft_limit(double v) noexcept {
    if (v < 0.92) return v;
    const double u = (std::min)((v - 0.92) / 0.43, 1.0);
    return 0.92 + 0.08 * (1 - (1 - u) * (1 - u));
  }

  [[nodiscard]] static std::vector<float> gaussian(double sigma) {
    std::vector<float> weights{1};
    if (sigma < 0.2) return weights;
    const int reach = static_cast<int>(std::ceil(2.6 * sigma));
    weights.assign(static_cast<std::size_t>(2 * reach + 1), 0);
    double sum = 0;
    for (int i = -reach; i <= reach; ++i) sum += std::exp(-0.5 * i * i / (sigma * sigma));
    for (int i = -reach; i <= reach; ++i) {
      weights[static_cast<std::size_t>(i + reach)] = static_cast<float>(std::exp(-0.5 * i * i / (sigma * sigma)) / sum);
    }
    return weights;
  }

  /// A separable filter, borders repeated.
  void blur(canvas& c, const std::vector<float>& weights) {
    const auto reach = static_cast<index_t>(weights.size() / 2);
    const index_t w = c.width, h = c.height;
    line_.resize(static_cast<std::size_t>(w + 2 * reach));
    other_.resize(w, h);
    for (index_t y = 0; y < h; ++y) {
      const float* in = c.row(y);
      std::fill_n(line_.begin(), reach, in[0]);
      std::copy_n(in, w, line_.begin() + reach);
      std::fill_n(line_.begin() + reach + w, reach, in[w - 1]);
      float* out = other_.row(y);
      std::fill_n(out, w, 0.0F);
      for (std::size_t k = 0; k < weights.size(); ++k) {
        const float weight = weights[k];
        const float* from = line_.data() + k;
        for (index_t x = 0; x < w; ++x) out[x] += weight * from[x];
      }
    }
    for (index_t y = 0; y < h; ++y) {
      float* out = c.row(y);
      std::fill_n(out, w, 0.0F);
      for (std::size_t k = 0; k < weights.size(); ++k) {
        const float weight = weights[k];
        const float* from = other_.row(std::clamp<index_t>(y + static_cast<index_t>(k) - reach, 0, h - 1));
        for (index_t x = 0; x < w; ++x) out[x] += weight * from[x];
      }
    }
  }

  /// The small picture: means over areas.
  void shrink(const canvas& c, double across, double down) {
    const auto part_of = [](index_t n, double share) {
      return std::clamp<index_t>(static_cast<index_t>(static_cast<double>(n) * share), 4, (std::max)(n, index_t{4}));
    };
    small_.resize(part_of(c.width, across), part_of(c.height, down));
    const double sx = static_cast<double>(c.width) / static_cast<double>(small_.width);
    const double sy = static_cast<double>(c.height) / static_cast<double>(small_.height);
    for (index_t y = 0; y < small_.height; ++y) {
      const auto y0 = static_cast<index_t>(static_cast<double>(y) * sy);
      const auto y1 = std::min<index_t>(c.height, static_cast<index_t>(std::ceil(static_cast<double>(y + 1) * sy)));
      for (index_t x = 0; x < small_.width; ++x) {
        const auto x0 = static_cast<index_t>(static_cast<double>(x) * sx);
        const auto x1 = std::min<index_t>(c.width, static_cast<index_t>(std::ceil(static_cast<double>(x + 1) * sx)));
        float sum = 0;
        for (index_t j = y0; j < y1; ++j) {
          for (index_t i = x0; i < x1; ++i) sum += c.row(j)[i];
        }
        small_.row(y)[x] = sum / static_cast<float>((x1 - x0) * (y1 - y0));
      }
    }
  }

  /// From the small picture to the size of `c`, linearly.
  void enlarge(canvas& c) const noexcept {
    const double sx = static_cast<double>(c.width) / static_cast<double>(small_.width);
    const double sy = static_cast<double>(c.height) / static_cast<double>(small_.height);
    for (index_t y = 0; y < c.height; ++y) {
      const double v =
          std::clamp((static_cast<double>(y) + 0.5) / sy - 0.5, 0.0, static_cast<double>(small_.height - 1));
      const auto j = std::min<index_t>(static_cast<index_t>(v), small_.height - 2);
      const auto fy = static_cast<float>(v - static_cast<double>(j));
      for (index_t x = 0; x < c.width; ++x) {
        const double u =
            std::clamp((static_cast<double>(x) + 0.5) / sx - 0.5, 0.0, static_cast<double>(small_.width - 1));
        const auto i = std::min<index_t>(static_cast<index_t>(u), small_.width - 2);
        const auto fx = static_cast<float>(u - static_cast<double>(i));
        const float* a = small_.row(j) + i;
        const float* b = small_.row(j + 1) + i;
        c.row(y)[x] = (1 - fy) * (a[0] * (1 - fx) + a[1] * fx) + fy * (b[0] * (1 - fx) + b[1] * fx);
      }
    }
  }

  void develop(canvas& c, std::int64_t number, float exposure) noexcept {
    rng random = stream(seed_, part::sensor, 1 + number / o_.noise_hold);
    const auto strength = static_cast<float>(o_.noise);
    const auto top = static_cast<float>(curve_.size() - 2);
    for (index_t y = 0; y < c.height; ++y) {
      // Rows of noise are taken at random from the tile, from random columns; whole blocks where the grain is coarse.
      const rng::word bits = o_.noise_size > 1 && y % 16 != 0 ? last_bits_ : random.bits();
      last_bits_ = bits;
      const float* row =
          noise_.data() + ((bits >> 8) + static_cast<rng::word>(o_.noise_size > 1 ? y % 16 : 0)) % tile * tile;
      float* out = c.row(y);
      for (index_t x = 0; x < c.width; ++x) {
        const float at = std::clamp(out[x] * exposure * static_cast<float>(curve_step), 0.0F, top);
        const auto i = static_cast<std::size_t>(at);
        const float rest = at - static_cast<float>(i);
        const float tone = curve_[i] + rest * (curve_[i + 1] - curve_[i]);
        out[x] = tone + strength * row[(static_cast<std::size_t>(x) + bits) % tile];
      }
    }
  }

  /// Grain of `noise_size` pixels with the same variance.
  void coarsen() {
    const auto weights = gaussian(o_.noise_size / 2.5);
    const auto reach = static_cast<std::size_t>(weights.size() / 2);
    double square = 0;
    for (const float v : weights) square += static_cast<double>(v) * static_cast<double>(v);
    for (const bool down : {false, true}) {
      const std::vector<float> from = noise_;
      for (std::size_t y = 0; y < tile; ++y) {
        for (std::size_t x = 0; x < tile; ++x) {
          float sum = 0;
          for (std::size_t k = 0; k < weights.size(); ++k) {
            const std::size_t q = ((down ? y : x) + k + tile - reach) % tile;
            sum += weights[k] * (down ? from[q * tile + x] : from[y * tile + q]);
          }
          noise_[y * tile + x] = sum / static_cast<float>(std::sqrt(square));
        }
      }
    }
  }

  /// 8×8 cosine transform, coefficients rounded to steps that grow with frequency, and back: what JPEG does to gray.
  void code(canvas& c) {
    const auto strength = static_cast<float>(o_.blocks);
    std::array<std::array<float, 8>, 8> block, half;
    for (index_t by = 0; by < c.height; by += 8) {
      for (index_t bx = 0; bx < c.width; bx += 8) {
        for (index_t y = 0; y < 8; ++y) {
          const float* in = c.row((std::min)(by + y, c.height - 1));
          for (index_t x = 0; x < 8; ++x)
            block[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = in[(std::min)(bx + x, c.width - 1)];
        }
        transform(block, half, false);
        for (std::size_t k = 0; k < 8; ++k) {
          for (std::size_t l = 0; l < 8; ++l) {
            const float step = strength * (0.6F + 0.28F * static_cast<float>(k + l));
            block[k][l] = std::nearbyint(block[k][l] / step) * step;
          }
        }
        transform(block, half, true);
        for (index_t y = 0; y < 8 && by + y < c.height; ++y) {
          float* out = c.row(by + y);
          for (index_t x = 0; x < 8 && bx + x < c.width; ++x)
            out[bx + x] = block[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
        }
      }
    }
  }
  void transform(std::array<std::array<float, 8>, 8>& block, std::array<std::array<float, 8>, 8>& half,
                 bool back) const noexcept {
    for (std::size_t y = 0; y < 8; ++y) {
      for (std::size_t k = 0; k < 8; ++k) {
        float sum = 0;
        for (std::size_t i = 0; i < 8; ++i) sum += block[y][i] * (back ? basis_[i][k] : basis_[k][i]);
        half[y][k] = sum;
      }
    }
    for (std::size_t k = 0; k < 8; ++k) {
      for (std::size_t x = 0; x < 8; ++x) {
        float sum = 0;
        for (std::size_t i = 0; i < 8; ++i) sum += half[i][x] * (back ? basis_[i][k] : basis_[k][i]);
        block[k][x] = sum;
      }
    }
  }

  options::sensor_options o_;
  std::uint64_t seed_;
  std::vector<float> noise_ = std::vector<float>(tile * tile);
  std::array<float, 2048> curve_{};
  std::array<std::array<float, 8>, 8> basis_{};
  std::vector<float> kernel_;
  std::vector<float> line_;
  canvas other_;
  canvas small_;
  rng::word last_bits_ = 0;
};

}  // namespace vmt::inline VMT_ABI::synth
