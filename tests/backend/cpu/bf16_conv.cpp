// SPDX-License-Identifier: MIT
// The convolutions over maps of bf16, on vector and on tile registers, against ops::generic in double on the same
// rounded numbers. Where the processor has none of them there is nothing to check but that it says so.
#include <doctest/doctest.h>

#include <vmt/backend/cpu/bf16_conv.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/ops.hpp>

#include <cstring>
#include <vector>

using namespace vmt;
using detail::group_map;

namespace {

struct bf16_shape {
  index_t images, channels, outputs, height, width, taps, stride;
};

struct bf16_problem {
  bf16_shape s;
  cpu_tensor<double, 4> x, w, residual;
  cpu_tensor<double, 1> bias;
  ops::conv2d_params params;

  explicit bf16_problem(const bf16_shape& size)
      : s(size),
        x(s.images, s.channels, s.height, s.width),
        w(s.outputs, s.channels, s.taps, s.taps),
        bias(s.outputs),
        params{s.stride, s.stride, s.taps / 2, s.taps / 2} {
    residual = cpu_tensor<double, 4>(s.images, s.outputs, params.out_height(s.height, s.taps),
                                     params.out_width(s.width, s.taps));
    rng r(4);
    const auto fill = [&](auto& t, double low, double high) {
      for (double& v : t.span()) v = static_cast<double>(from_bf16(to_bf16(static_cast<float>(r.uniform(low, high)))));
    };
    fill(x, -0.5, 1), fill(w, -1, 1), fill(bias, -1, 1), fill(residual, -4, 4);
  }
  [[nodiscard]] std::vector<double> oracle() const {
    cpu_tensor<double, 4> y(residual.extents());
    ops::generic_context plain;
    ops::conv2d(plain, x, w, bias, y, params);
    std::vector<double> all;
    for (index_t i = 0; i < y.size(); ++i) all.push_back(std::max(0.0, y.data_handle()[i] + residual.data_handle()[i]));
    return all;
  }
};

std::vector<bfloat16> fast(cpu_context& ctx, const bf16_kernels& k, const bf16_problem& p) {
  constexpr index_t group = detail::narrow_group;
  const extents<4> e = p.residual.extents();
  const group_map in = group_map::bordered(group, p.s.channels, p.s.height, p.s.width);
  const group_map out = group_map::bordered(group, p.s.outputs, e[2], e[3]);
  const index_t taps = p.s.taps * p.s.taps;
  host_buffer<bfloat16> x(p.s.images * in.size() + 64 * group), y(p.s.images * out.size() + 64 * group);
  host_buffer<bfloat16> w(detail::group_weights_size(group, p.s.outputs, in.groups() * group * taps));
  host_buffer<float> bias(out.groups() * group);
  const auto at = [](const group_map& m, index_t n, index_t c, index_t i, index_t j) {
    return n * m.size() + m.at(c / group, i, j) + c % group;
  };
  const auto place = [&](const group_map& m, const auto& t, bfloat16* to) {
    for (index_t n = 0; n < t.extent(0); ++n)
      for (index_t c = 0; c < t.extent(1); ++c)
        for (index_t i = 0; i < t.extent(2); ++i)
          for (index_t j = 0; j < t.extent(3); ++j) to[at(m, n, c, i, j)] = to_bf16(static_cast<float>(t(n, c, i, j)));
  };
  place(in, p.x, x.data());
  place(out, p.residual, y.data());
  for (index_t m = 0; m < p.s.outputs; ++m) {
    bias.data()[m] = static_cast<float>(p.bias(m));
    for (index_t c = 0; c < p.s.channels; ++c)
      for (index_t t = 0; t < taps; ++t) {
        const index_t run = (m / group * in.groups() + c / group) * taps + t;
        w.data()[((run * 16 + c % group / 2) * group + m % group) * 2 + c % 2] =
            to_bf16(static_cast<float>(p.w(m, c, t / p.s.taps, t % p.s.taps)));
      }
  }
  std::vector<index_t> offsets;
  for (index_t g = 0; g < in.groups(); ++g)
    for (index_t t = 0; t < taps; ++t) {
      offsets.push_back(in.at(g, t / p.s.taps - p.s.taps / 2, t % p.s.taps - p.s.taps / 2));
    }
  detail::run_narrow_conv(ctx, k,
                        {std::ssize(offsets), offsets.data(), p.s.stride * group, w.data(), p.s.images, x.data(),
                         p.s.stride * in.row_size(), in.size(), p.s.stride * in.row_size() * in.groups(), out, y.data(),
                         y.data(), out.size(), {bias.data(), true}});
  std::vector<bfloat16> all;
  std::size_t inside = 0, everything = 0;
  for (index_t n = 0; n < e[0]; ++n)
    for (index_t c = 0; c < e[1]; ++c)
      for (index_t i = 0; i < e[2]; ++i)
        for (index_t j = 0; j < e[3]; ++j) all.push_back(y.data()[at(out, n, c, i, j)]);
  for (const bfloat16 v : all) inside += v != 0;
  for (index_t i = 0; i < y.size(); ++i) everything += y.data()[i] != 0;
  CHECK(inside == everything);  // the border stays zero
  return all;
}

// Whole tiles, half ones, rows narrower than a tile; strides; groups that are not full.
const bf16_shape bf16_shapes[] = {{1, 64, 64, 5, 41, 3, 1}, {2, 33, 40, 7, 9, 3, 1},   {2, 64, 96, 5, 25, 3, 1},
                                  {1, 40, 70, 9, 63, 3, 2}, {2, 64, 32, 10, 50, 1, 2}, {1, 3, 5, 1, 1, 3, 1}};

}  // namespace

TEST_CASE("convolutions over maps of bf16 equal the plain loops but for the last rounding") {
  bf16_kernels k = make_bf16_kernels(choose_isa());
  if (!k.usable()) return;
  const bool amx = k.amx;
  for (const bool tiles : {false, true}) {
    if (tiles && !amx) continue;
    k.amx = tiles;
    for (const bf16_shape& s : bf16_shapes) {
      CAPTURE(tiles);
      CAPTURE(s.width);
      const bf16_problem p(s);
      cpu_context ctx({.threads = 1});
      const std::vector<bfloat16> y = fast(ctx, k, p);
      const std::vector<double> oracle = p.oracle();
      double worst = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        worst =
            std::max(worst, std::abs(static_cast<double>(from_bf16(y[i])) - oracle[i]) / (std::abs(oracle[i]) + 0.01));
      }
      CHECK(worst < 0.0045);  // 2⁻⁸ and a little
      for (const int threads : {2, 5}) {
        cpu_context other({.threads = threads});
        CHECK(fast(other, k, p) == y);
      }
    }
  }
}

TEST_CASE("rounding to bf16 takes the nearest, and the even one of two") {
  CHECK(from_bf16(to_bf16(1.0F)) == 1.0F);
  CHECK(from_bf16(to_bf16(1.0F + 1.0F / 256)) == 1.0F);              // half way: even
  CHECK(from_bf16(to_bf16(1.0F + 3.0F / 256)) == 1.0F + 1.0F / 64);  // half way: even, upwards
  CHECK(from_bf16(to_bf16(-3.14159F)) == -3.140625F);
  CHECK(from_bf16(to_bf16(std::numeric_limits<float>::infinity())) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(from_bf16(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
  const bf16_kernels k = make_bf16_kernels(choose_isa());
  if (!k.usable()) return;
  std::vector<float> x(64);
  std::vector<bfloat16> y(64);
  rng r(1);
  for (float& v : x) v = static_cast<float>(r.uniform(-3, 3));
  k.round(x.data(), 64, y.data());
  for (std::size_t i = 0; i < 64; ++i) CHECK(y[i] == to_bf16(x[i]));
}
