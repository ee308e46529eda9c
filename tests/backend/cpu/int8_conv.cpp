// SPDX-License-Identifier: MIT
// The convolutions over maps of bytes, of every instruction set there is, against sums of whole numbers written down
// once more: not one number may differ.
#include <doctest/doctest.h>

#include <vmt/backend/cpu/int8_conv.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/conv2d.hpp>

#include <cmath>
#include <vector>

using namespace vmt;
using detail::group_map;

namespace {

struct int8_shape {
  index_t images, channels, outputs, height, width, taps, stride;
};

struct int8_problem {
  int8_shape s;
  index_t out_height, out_width;
  std::vector<std::uint8_t> x, residual;  // images × channels × height × width
  std::vector<std::int8_t> w;             // outputs × channels × taps × taps
  std::vector<float> scale, bias;
  float share = 0.37F;  // of the residual
  int zero;             // of the input, and so what lies around it

  int8_problem(const int8_shape& size, int zero_point) : s(size), zero(zero_point) {
    const ops::conv2d_params params{s.stride, s.stride, s.taps / 2, s.taps / 2};
    out_height = params.out_height(s.height, s.taps);
    out_width = params.out_width(s.width, s.taps);
    rng r(7);
    const auto bytes = [&](std::vector<std::uint8_t>& v, index_t n) {
      for (index_t i = 0; i < n; ++i) v.push_back(static_cast<std::uint8_t>(r.uniform(0, 256)));
    };
    bytes(x, s.images * s.channels * s.height * s.width);
    bytes(residual, s.images * s.outputs * out_height * out_width);
    for (index_t i = 0; i < s.outputs * s.channels * s.taps * s.taps; ++i) {
      w.push_back(static_cast<std::int8_t>(std::floor(r.uniform(-127, 128))));
    }
    // The extremes, which sums of 16 bits would not hold.
    std::fill_n(x.begin(), std::min<std::size_t>(x.size() / 3, 4000), std::uint8_t{255});
    std::fill_n(w.begin(), w.size() / 3, std::int8_t{127});
    const double spread = 74.0 * 150.0 * std::sqrt(static_cast<double>(s.channels * s.taps * s.taps));
    for (index_t m = 0; m < s.outputs; ++m) {
      scale.push_back(static_cast<float>(r.uniform(20, 80) / spread));
      bias.push_back(static_cast<float>(r.uniform(-20, 120)));
    }
  }
  [[nodiscard]] std::vector<std::uint8_t> oracle() const {
    std::vector<std::uint8_t> y;
    for (index_t n = 0; n < s.images; ++n)
      for (index_t m = 0; m < s.outputs; ++m)
        for (index_t i = 0; i < out_height; ++i)
          for (index_t j = 0; j < out_width; ++j) {
            std::int64_t sum = 0;
            for (index_t c = 0; c < s.channels; ++c)
              for (index_t r = 0; r < s.taps; ++r)
                for (index_t q = 0; q < s.taps; ++q) {
                  const index_t h = i * s.stride + r - s.taps / 2;
                  const index_t v = j * s.stride + q - s.taps / 2;
                  const bool inside = h >= 0 && h < s.height && v >= 0 && v < s.width;
                  const std::int64_t pixel =
                      inside ? x[static_cast<std::size_t>(((n * s.channels + c) * s.height + h) * s.width + v)] : zero;
                  sum += pixel * w[static_cast<std::size_t>(((m * s.channels + c) * s.taps + r) * s.taps + q)];
                }
            const auto k = static_cast<std::size_t>(m);
            const float old = residual[y.size()];
            const float value = std::fma(old, share, std::fma(static_cast<float>(sum), scale[k], bias[k]));
            y.push_back(static_cast<std::uint8_t>(std::nearbyint(std::clamp(value, 0.0F, 255.0F))));
          }
    return y;
  }
};

// In place: the residual is what lies in the output.
std::vector<std::uint8_t> fast(cpu_context& ctx, const int8_kernels& k, const int8_problem& p) {
  const index_t group = k.group;
  constexpr index_t part = detail::narrow_group;
  const group_map in = group_map::bordered(group, p.s.channels, p.s.height, p.s.width);
  const group_map out = group_map::bordered(group, p.s.outputs, p.out_height, p.out_width);
  const index_t taps = p.s.taps * p.s.taps;
  host_buffer<std::uint8_t> x(p.s.images * in.size() + 64 * group), y(p.s.images * out.size());
  host_buffer<std::int8_t> w(detail::group_weights_size(part, p.s.outputs, in.groups() * group * taps));
  host_buffer<float> scale(out.groups() * group), bias(out.groups() * group);
  std::fill_n(x.data(), x.size(), static_cast<std::uint8_t>(p.zero));
  constexpr std::uint8_t frame = 77;
  std::fill_n(y.data(), y.size(), frame);
  const auto at = [&](const group_map& m, index_t n, index_t c, index_t i, index_t j) {
    return n * m.size() + m.at(c / group, i, j) + c % group;
  };
  const auto each = [&](const group_map& m, auto f) {
    std::size_t count = 0;
    for (index_t n = 0; n < p.s.images; ++n)
      for (index_t c = 0; c < m.channels; ++c)
        for (index_t i = 0; i < m.height; ++i)
          for (index_t j = 0; j < m.width; ++j) f(at(m, n, c, i, j), count++);
  };
  each(in, [&](index_t to, std::size_t i) { x.data()[to] = p.x[i]; });
  each(out, [&](index_t to, std::size_t i) { y.data()[to] = p.residual[i]; });
  for (index_t m = 0; m < p.s.outputs; ++m) {
    scale.data()[m] = p.scale[static_cast<std::size_t>(m)];
    bias.data()[m] = p.bias[static_cast<std::size_t>(m)];
    for (index_t c = 0; c < p.s.channels; ++c)
      for (index_t t = 0; t < taps; ++t) {
        const index_t run = (m / part * in.groups() + c / group) * taps + t;
        w.data()[((run * group / 4 + c % group / 4) * part + m % part) * 4 + c % 4] =
            p.w[static_cast<std::size_t>((m * p.s.channels + c) * taps + t)];
      }
  }
  std::vector<index_t> offsets;
  for (index_t g = 0; g < in.groups(); ++g)
    for (index_t t = 0; t < taps; ++t) {
      offsets.push_back(in.at(g, t / p.s.taps - p.s.taps / 2, t % p.s.taps - p.s.taps / 2));
    }
  detail::run_narrow_conv(ctx, k,
                          {std::ssize(offsets),
                           offsets.data(),
                           p.s.stride * group,
                           w.data(),
                           p.s.images,
                           x.data(),
                           p.s.stride * in.row_size(),
                           in.size(),
                           p.s.stride * in.row_size() * in.groups(),
                           out,
                           y.data(),
                           y.data(),
                           out.size(),
                           {scale.data(), bias.data(), p.share}});
  std::vector<std::uint8_t> all;
  each(out, [&](index_t from, std::size_t) {
    all.push_back(y.data()[from]);
    y.data()[from] = frame;
  });
  bool kept = true;  // the border
  for (index_t n = 0; n < p.s.images; ++n)
    for (index_t g = 0; g < out.groups(); ++g)
      for (index_t i = -1; i <= out.height; ++i) {
        const std::uint8_t* const row = y.data() + n * out.size() + out.at(g, i, 0);
        for (index_t c = 0; c < group; ++c) {
          kept = kept && row[c - group] == frame && row[out.width * group + c] == frame;
          if (i < 0 || i == out.height) kept = kept && row[c] == frame;
        }
      }
  CHECK(kept);
  return all;
}

// Those of the network at width 64 (its heights cut, of which nothing depends), of narrow ones, odd ones.
const int8_shape int8_shapes[] = {{1, 64, 64, 5, 200, 3, 1},   {1, 64, 128, 5, 200, 3, 2},  {1, 64, 128, 4, 200, 1, 2},
                                  {1, 128, 128, 3, 100, 3, 1}, {2, 128, 256, 3, 100, 3, 2}, {1, 128, 256, 3, 100, 1, 2},
                                  {1, 256, 256, 3, 50, 3, 1},  {1, 256, 512, 3, 50, 3, 2},  {1, 512, 512, 2, 25, 3, 1},
                                  {2, 33, 40, 7, 9, 3, 1},     {1, 40, 70, 9, 63, 3, 2},    {2, 16, 16, 6, 29, 3, 1},
                                  {1, 3, 5, 1, 1, 3, 1}};

}  // namespace

TEST_CASE("convolutions over maps of bytes equal sums of whole numbers on every instruction set, to the last bit") {
  int found = 0;
  struct way {
    cpu_isa isa;
    bool tiles;
  };
  for (const auto& [isa, tiles] : {way{cpu_isa::portable, false}, way{cpu_isa::avx2, false},
                                   way{cpu_isa::avx512, false}, way{cpu_isa::avx512, true}}) {
    if (!supported(isa)) continue;
    const int8_kernels k = make_int8_kernels(isa, tiles);
    if (!k.usable() || k.amx != tiles) continue;
    ++found;
    CAPTURE(k.name);
    cpu_context ctx({.threads = 1, .isa = isa});
    for (const int8_shape& s : int8_shapes) {
      CAPTURE(s.width);
      CAPTURE(s.channels);
      const int8_problem p(s, 31);
      const std::vector<std::uint8_t> expected = p.oracle();
      CHECK(fast(ctx, k, p) == expected);
      CHECK(std::count(expected.begin(), expected.end(), 0) * 2 < std::ssize(expected));  // there is something to see
      CHECK(std::count(expected.begin(), expected.end(), 255) * 2 < std::ssize(expected));
      if (s.images == 1) continue;
      for (const int threads : {2, 5}) {
        cpu_context other({.threads = threads, .isa = isa});
        CHECK(fast(other, k, p) == expected);
      }
    }
  }
  CHECK(found >= 1);
}

TEST_CASE("numbers become bytes by rounding to the nearest, of two the even one, and are cut off at the ends") {
  using detail::to_u8;
  CHECK(to_u8(0.5F) == 0);
  CHECK(to_u8(1.5F) == 2);
  CHECK(to_u8(2.5F) == 2);
  CHECK(to_u8(2.5000002F) == 3);
  CHECK(to_u8(254.6F) == 255);
  CHECK(to_u8(1e30F) == 255);
  CHECK(to_u8(-1e30F) == 0);
  CHECK(to_u8(-0.2F) == 0);
  constexpr index_t group = detail::narrow_group;
  std::vector<float> x(5 * group);
  rng r(2);
  for (float& v : x) v = static_cast<float>(r.uniform(-40, 300));
  std::vector<std::uint8_t> expected(x.size()), y(x.size());
  make_int8_kernels(cpu_isa::portable).quantise(x.data(), 5, group, 0.7F, 12, expected.data(), group);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(expected[i] ==
          static_cast<std::uint8_t>(std::nearbyint(std::clamp(std::fma(x[i], 0.7F, 12.0F), 0.0F, 255.0F))));
  }
  if (supported(cpu_isa::avx512) && make_int8_kernels(cpu_isa::avx512).usable()) {
    make_int8_kernels(cpu_isa::avx512).quantise(x.data(), 5, group, 0.7F, 12, y.data(), group);
    CHECK(y == expected);
  }
  make_int8_kernels(cpu_isa::portable)
      .quantise(x.data(), 2, 8, 0.7F, 12, y.data() + 8, group);  // a part of the channels
  CHECK(y[8] == expected[0]);
  CHECK(y[8 + group] == expected[8]);
}
