// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/group_map.hpp>
#include <vmt/engine/activation_ranges.hpp>

#include <string_view>
#include <vector>

namespace vmt::inline VMT_ABI {

/// How much of what was seen a range holds.
enum class range_rule {
  all,          ///< from the least to the largest
  percentile,   ///< without the 0.01 % of numbers that lie furthest out
  least_error,  ///< the part of it whose numbers are stored with the least squared error, those cut off included
};

[[nodiscard]] constexpr std::string_view name(range_rule r) noexcept {
  switch (r) {
    case range_rule::percentile: return "percentile";
    case range_rule::least_error: return "least error";
    case range_rule::all: break;
  }
  return "all";
}

/// Collects what the maps of an `onset_engine` in f32 span, for one in int8:
///
///     calibrator seen;
///     engine.watch(std::ref(seen));
///     … engine.run(…) for windows of every kind …
///     onset_engine fast(ctx, net, {.precision = engine_precision::int8, .ranges = seen.ranges(range_rule::all)});
class calibrator {
 public:
  /// The interior of a map; zeros are stored exactly by any range and not counted.
  void operator()(const std::string& name, const detail::group_map& map, const float* numbers) {
    histogram& h = seen_[name];
    for (index_t g = 0; g < map.groups(); ++g) {
      const index_t known = (std::min)(map.group, map.channels - g * map.group);
      for (index_t i = 0; i < map.height; ++i)
        for (index_t j = 0; j < map.width; ++j) {
          const float* const pixel = numbers + map.at(g, i, j);
          for (index_t c = 0; c < known; ++c) {
            if (pixel[c] != 0.0F) h.add(pixel[c]);
          }
        }
    }
  }

  /// Of every map that was seen. Throws `not_finite` where one had NaN or infinite numbers.
  [[nodiscard]] activation_ranges ranges(range_rule rule) const {
    activation_ranges all;
    for (const auto& [name, h] : seen_) {
      if (!std::isfinite(h.low) || !std::isfinite(h.high) || h.broken) {
        throw error(errc::not_finite, "calibrator: the map " + name + " has numbers that are not finite");
      }
      all[name] = h.range(rule);
    }
    return all;
  }

 private:
  struct histogram {
    static constexpr std::size_t half = 2048;  // bins on each side of 0

    float low = 0, high = 0;
    double count = 0;
    double step = 1.0 / (1 << 24);
    bool broken = false;
    std::vector<double> bins = std::vector<double>(2 * half);

    void add(float x) {
      if (!std::isfinite(x)) {
        broken = true;
        return;
      }
      low = (std::min)(low, x);
      high = (std::max)(high, x);
      while (std::abs(static_cast<double>(x)) >= step * double{half}) coarser();
      bins[static_cast<std::size_t>(std::floor(static_cast<double>(x) / step) + double{half})] += 1;
      count += 1;
    }
    // Twice the step: pairs of bins become one.
    void coarser() {
      std::vector<double> wide(2 * half);
      for (std::size_t i = 0; i < 2 * half; ++i) wide[half / 2 + i / 2] += bins[i];
      bins = std::move(wide);
      step *= 2;
    }
    [[nodiscard]] double centre(std::size_t bin) const {
      return (static_cast<double>(bin) - double{half} + 0.5) * step;
    }
    [[nodiscard]] activation_range part(double share) const {
      return {static_cast<float>(static_cast<double>(low) * share),
              static_cast<float>(static_cast<double>(high) * share)};
    }

    [[nodiscard]] activation_range range(range_rule rule) const {
      if (rule == range_rule::all || count == 0) return {low, high};
      if (rule == range_rule::percentile) return percentile(0.5e-4);
      activation_range best{low, high};
      double least = squared_error(best);
      for (int i = 49; i >= 10; --i) {
        const activation_range candidate = part(0.02 * i);
        const double error = squared_error(candidate);
        if (error < least) {
          least = error;
          best = candidate;
        }
      }
      return best;
    }
    // Without that share of the numbers at either end that has any.
    [[nodiscard]] activation_range percentile(double share) const {
      activation_range r{low, high};
      double beyond = 0;
      for (std::size_t i = 2 * half; i-- > half && (beyond += bins[i]) <= share * count;) {
        r.high = (std::min)(r.high, static_cast<float>((static_cast<double>(i) - double{half}) * step));
      }
      beyond = 0;
      for (std::size_t i = 0; i < half && (beyond += bins[i]) <= share * count; ++i) {
        r.low = (std::max)(r.low, static_cast<float>((static_cast<double>(i) - double{half} + 1) * step));
      }
      return r;
    }
    [[nodiscard]] double squared_error(const activation_range& r) const {
      const engine::affine a(r);
      double sum = 0;
      for (std::size_t i = 0; i < 2 * half; ++i) {
        if (bins[i] == 0) continue;
        const double x = centre(i);
        const double e = x - a.step * (a(static_cast<float>(x)) - a.zero);
        sum += bins[i] * e * e;
      }
      return sum;
    }
  };

  std::map<std::string, histogram> seen_;
};

}  // namespace vmt::inline VMT_ABI
