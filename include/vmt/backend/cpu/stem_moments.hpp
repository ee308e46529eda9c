// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/frame_strips.hpp>

namespace vmt::inline VMT_ABI::detail {

/// What the taps of a stem's convolution see, over all frames and outputs: the sums of x_k, and of x_k·x_l. As the
/// convolution's maps are a[c] = Σ_k w[c][k]·x_k, they tell the sums of a and of a² without the maps:
///   Σ a = Σ_k w[k]·Σ x_k,   Σ a² = Σ_k Σ_l w[k]·w[l]·Σ x_k·x_l,   and Σ a·x_k = Σ_l w[l]·Σ x_k·x_l.
/// For each output that is 49·49/2 products instead of the 49·64 of 64 channels' maps. Numbers are summed around the
/// mean of one picture: deviations as small as their last digits would be lost in sums of the numbers themselves.
class stem_moments {
 public:
  /// Sums of floats over runs, then in double by window and in order: the same for any number of threads.
  stem_moments(cpu_context& ctx, workspace::scope& scratch, const frame_strips& strips) : stem_moments(ctx, strips) {
    const index_t windows = strips.frames().extent(0);
    const std::span<const float> picture = strips.frames()[0][0].span();
    double sum = 0;
    for (const float v : picture) sum += static_cast<double>(v);
    const float centre = static_cast<float>(sum / static_cast<double>(picture.size()));
    centre_ = static_cast<double>(centre);
    const dot_kernel<float>& kernel = ctx.dot<float>();
    const index_t threads = ctx.threads().size();
    double* const sums = scratch.take<double>(windows * size());
    std::fill_n(sums, windows * size(), 0.0);
    float* const room = scratch.take<float>(threads * (kernel.rows * longest + kernel.rows * kernel.taps));
    strips.for_each_frame(centre, [&](index_t t, index_t n, const float* planes) {
      float* const line = room + t * (kernel.rows * longest + kernel.rows * kernel.taps);
      float* const found = line + kernel.rows * longest;
      for (index_t at = 0; at < strips.places(); at += longest) {
        const index_t count = ceil_div((std::min)(longest, strips.places() - at), kernel.step) * kernel.step;
        for (index_t k = 0; k < lines_; k += kernel.rows) {
          for (index_t i = 0; i < kernel.rows; ++i) fill(strips, planes, k + i, at, count, line + i * longest);
          // Those left of the diagonal are known from the other side; the ones meet all.
          const index_t first = k + kernel.rows > taps_ ? 0 : k / kernel.taps * kernel.taps;
          for (index_t l = first; l < columns_; l += kernel.taps) {
            kernel.run({line, longest, 0, planes + at, strips.tap() + l, 0, count, 1}, found);
            for (index_t i = 0; i < kernel.rows; ++i)
              for (index_t j = 0; j < kernel.taps; ++j) {
                sums[n * size() + (k + i) * columns_ + l + j] += static_cast<double>(found[i * kernel.taps + j]);
              }
          }
        }
      }
    });
    for (index_t n = 1; n < windows; ++n)
      for (index_t i = 0; i < size(); ++i) sums[i] += sums[n * size() + i];
    sums_ = sums;
  }
  /// Those that `keep` was given.
  stem_moments(cpu_context& ctx, const frame_strips& strips, const host_buffer<double>& kept)
      : stem_moments(ctx, strips) {
    sums_ = kept.data();
    centre_ = sums_[size()];
  }
  [[nodiscard]] static bool are_kept(cpu_context& ctx, const frame_strips& strips, const host_buffer<double>& kept) {
    return kept.size() == stem_moments(ctx, strips).size() + 1;
  }
  void keep(host_buffer<double>& kept) const {
    if (kept.size() != size() + 1) kept = host_buffer<double>(size() + 1);
    std::copy_n(sums_, size(), kept.data());
    kept.data()[size()] = centre_;
  }

  /// Σ x_k.
  [[nodiscard]] double sum(index_t k) const noexcept { return centred_sum(k) + count_ * centre_; }
  /// Σ x_k·x_l.
  [[nodiscard]] double product(index_t k, index_t l) const noexcept {
    return sums_[(std::min)(k, l) * columns_ + (std::max)(k, l)] +
           centre_ * (centred_sum(k) + centred_sum(l) + count_ * centre_);
  }
  /// Σ a for the taps w of a channel.
  [[nodiscard]] double sum_of_map(const float* w) const noexcept {
    double all = 0;
    for (index_t k = 0; k < taps_; ++k) all += static_cast<double>(w[k]) * sum(k);
    return all;
  }
  /// Σ a·x_k.
  [[nodiscard]] double map_by_tap(const float* w, index_t k) const noexcept {
    double all = 0;
    for (index_t l = 0; l < taps_; ++l) all += static_cast<double>(w[l]) * product(k, l);
    return all;
  }
  /// Σ a².
  [[nodiscard]] double squares_of_map(const float* w) const noexcept {
    double all = 0;
    for (index_t k = 0; k < taps_; ++k) all += static_cast<double>(w[k]) * map_by_tap(w, k);
    return all;
  }

 private:
  static constexpr index_t longest = 1024;  // places at a time: they stay in the first cache

  [[nodiscard]] double centred_sum(index_t k) const noexcept { return sums_[taps_ * columns_ + k]; }
  stem_moments(cpu_context& ctx, const frame_strips& strips)
      : taps_(strips.taps()),
        lines_(ceil_div(taps_ + 1, ctx.dot<float>().rows) * ctx.dot<float>().rows),
        columns_(ceil_div(taps_, ctx.dot<float>().taps) * ctx.dot<float>().taps),
        count_(static_cast<double>(strips.outputs())) {}
  [[nodiscard]] index_t size() const noexcept { return lines_ * columns_; }
  // What tap k sees from places at … at + count − 1, ones for the line after the taps, zeros where no output is.
  void fill(const frame_strips& strips, const float* planes, index_t k, index_t at, index_t count, float* line) const {
    if (k < taps_) {
      std::copy_n(planes + strips.tap()[k] + at, count, line);
    } else {
      std::fill_n(line, count, k == taps_ ? 1.0F : 0.0F);
    }
    const index_t pitch = strips.pitch();
    for (index_t row = at - at % pitch; row < at + count; row += pitch) {
      const index_t begin = (std::max)(row < strips.places() ? row + strips.width() : row, at);
      const index_t end = (std::min)(row + pitch, at + count);
      if (begin < end) std::fill(line + (begin - at), line + (end - at), 0.0F);
    }
  }

  index_t taps_, lines_, columns_;  // the line after the taps' is of ones
  double count_, centre_ = 0;
  const double* sums_ = nullptr;
};

}  // namespace vmt::inline VMT_ABI::detail
