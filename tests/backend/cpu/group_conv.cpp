// SPDX-License-Identifier: MIT
// The convolutions over grouped maps, direct and by Winograd's algorithm, against ops::generic in double, on every
// instruction set that this machine has.
#include <doctest/doctest.h>

#include <vmt/backend/cpu/winograd.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/ops.hpp>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

using namespace vmt;
using detail::group_map;

namespace {

struct shape {
  index_t images, channels, outputs, height, width, taps = 3, stride = 1;
};

struct problem {
  shape s;
  cpu_tensor<float, 4> x, w, residual;
  cpu_tensor<float, 1> bias;
  ops::conv2d_params params;

  explicit problem(const shape& size)
      : s(size),
        x(s.images, s.channels, s.height, s.width),
        w(s.outputs, s.channels, s.taps, s.taps),
        bias(s.outputs),
        params{s.stride, s.stride, s.taps / 2, s.taps / 2} {
    residual = cpu_tensor<float, 4>(s.images, s.outputs, out_height(), out_width());
    rng r(3);
    for (float& v : x.span()) v = static_cast<float>(r.uniform(-0.5, 1));
    for (float& v : w.span()) v = static_cast<float>(r.uniform(-1, 1));
    for (float& v : bias.span()) v = static_cast<float>(r.uniform(-1, 1));
    for (float& v : residual.span()) v = static_cast<float>(r.uniform(-4, 4));
  }
  [[nodiscard]] index_t out_height() const { return params.out_height(s.height, s.taps); }
  [[nodiscard]] index_t out_width() const { return params.out_width(s.width, s.taps); }

  // relu(conv(x) + bias + residual)
  [[nodiscard]] std::vector<double> oracle() const {
    const auto wide = [](auto& to, const auto& from) {
      std::copy(from.span().begin(), from.span().end(), to.span().begin());
    };
    cpu_tensor<double, 4> dx(x.extents()), dw(w.extents()), dy(residual.extents());
    cpu_tensor<double, 1> db(bias.extents());
    wide(dx, x), wide(dw, w), wide(db, bias);
    ops::generic_context plain;
    ops::conv2d(plain, dx, dw, db, dy, params);
    std::vector<double> y;
    for (index_t i = 0; i < dy.size(); ++i) {
      y.push_back(std::max(0.0, dy.data_handle()[i] + static_cast<double>(residual.data_handle()[i])));
    }
    return y;
  }
};

// The same with the fast convolutions; checks that they leave the border alone.
std::vector<float> fast(cpu_context& ctx, const problem& p, std::optional<winograd_shape> method,
                        index_t usual_images = 0) {
  const group_kernels& k = ctx.groups();
  const group_map in = group_map::bordered(k.group, p.s.channels, p.s.height, p.s.width);
  const group_map out = group_map::bordered(k.group, p.s.outputs, p.out_height(), p.out_width());
  host_buffer<float> x(p.s.images * in.size()), y(p.s.images * out.size()), bias(out.groups() * k.group);
  std::copy(p.bias.span().begin(), p.bias.span().end(), bias.data());
  for (index_t n = 0; n < p.s.images; ++n) {
    detail::to_groups(in, p.x[n].data_handle(), x.data() + n * in.size());
    detail::to_groups(out, p.residual[n].data_handle(), y.data() + n * out.size());
  }
  const detail::tile_end end{bias.data(), y.data(), true};
  const index_t depth = in.groups() * k.group;
  const index_t taps = p.s.taps * p.s.taps;
  host_buffer<float> w(detail::group_weights_size(k.group, p.s.outputs, depth * taps));
  std::vector<index_t> offsets;
  for (index_t g = 0; g < in.groups(); ++g)
    for (index_t t = 0; t < taps; ++t) {
      offsets.push_back(in.at(g, t / p.s.taps - p.params.padding_h, t % p.s.taps - p.params.padding_w));
    }
  detail::pack_group_weights(
      k.group, p.s.outputs, depth * taps,
      [&](index_t m, index_t i) {
        const index_t c = i / (taps * k.group) * k.group + i % k.group;
        const index_t t = i / k.group % taps;
        return c < p.s.channels ? p.w(m, c, t / p.s.taps, t % p.s.taps) : 0.0F;
      },
      w.data());
  if (method) {
    detail::run_winograd(ctx,
                         {*method, w.data(), p.s.images, in, x.data(), out, y.data(), end, out.size(), usual_images});
  } else {
    detail::run_group_conv(
        ctx, {std::ssize(offsets), offsets.data(), k.group, p.s.stride * k.group, w.data(), p.s.images, x.data(),
              p.s.stride * in.row_size(), in.size(), in.row_size() * in.groups(), out, y.data(), end, out.size()});
  }
  std::vector<float> all(static_cast<std::size_t>(p.residual.size()));
  double inside = 0, everything = 0;
  for (index_t n = 0; n < p.s.images; ++n) {
    float* const planes = all.data() + n * p.residual.size() / p.s.images;
    detail::from_groups(out, y.data() + n * out.size(), planes);
  }
  for (const float v : all) inside += static_cast<double>(v);
  for (index_t i = 0; i < y.size(); ++i) everything += static_cast<double>(y.data()[i]);
  CHECK(everything == doctest::Approx(inside));  // all are ≥ 0: outside of the interior only zeros
  return all;
}

double difference(const std::vector<float>& y, const std::vector<double>& oracle) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    error += (static_cast<double>(y[i]) - oracle[i]) * (static_cast<double>(y[i]) - oracle[i]);
    norm += oracle[i] * oracle[i];
  }
  return std::sqrt(error / norm);
}

const std::optional<winograd_shape> methods[] = {std::nullopt, winograd_shape::f2x2, winograd_shape::f2x4,
                                                 winograd_shape::f4x4, winograd_shape::f5x5};
const shape shapes[] = {{1, 64, 64, 37, 41}, {3, 33, 40, 7, 9}, {2, 128, 64, 5, 25}, {1, 5, 3, 1, 1}, {5, 8, 8, 4, 8}};
// With stride 2; tiles of ten rows and columns of the input, whole and cut anywhere.
const shape strided[] = {{2, 40, 70, 19, 31, 3, 2}, {1, 64, 33, 37, 200, 3, 2}, {3, 17, 9, 10, 50, 3, 2},
                         {1, 5, 8, 1, 1, 3, 2},     {2, 8, 5, 12, 21, 3, 2},    {1, 8, 8, 11, 10, 3, 2}};

}  // namespace

TEST_CASE("convolutions over grouped maps, direct and by Winograd, equal the plain loops") {
  for (const cpu_isa isa : {cpu_isa::portable, cpu_isa::avx2, cpu_isa::avx512}) {
    if (!supported(isa)) continue;
    cpu_context ctx({.threads = 3, .isa = isa});
    for (const shape& s : shapes) {
      const problem p(s);
      const std::vector<double> oracle = p.oracle();
      for (const auto& method : methods) {
        CAPTURE(name(isa));
        CAPTURE(s.channels);
        CAPTURE((method ? name(*method) : "direct"));
        CHECK(difference(fast(ctx, p, method), oracle) < 2e-6);
      }
    }
    for (const shape& s :
         {shape{2, 40, 70, 19, 31, 3, 2}, shape{2, 64, 32, 10, 50, 1, 2}, shape{1, 12, 9, 6, 7, 1, 1}}) {
      const problem p(s);
      CHECK(difference(fast(ctx, p, std::nullopt), p.oracle()) < 2e-6);
    }
    for (const shape& s : strided) {
      CAPTURE(s.height);
      const problem p(s);
      CHECK(difference(fast(ctx, p, winograd_shape::f5x5_stride2), p.oracle()) < 2e-6);
    }
  }
}

TEST_CASE("convolutions over grouped maps give the same bits for any number of threads") {
  const auto same = [](const shape& s, const std::optional<winograd_shape>& method) {
    const problem p(s);
    cpu_context one({.threads = 1});
    const std::vector<float> expected = fast(one, p, method);
    for (const int threads : {2, 4, 7}) {
      cpu_context ctx({.threads = threads});
      const std::vector<float> y = fast(ctx, p, method);
      CHECK(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)) == 0);
    }
  };
  for (const shape& s : shapes)
    for (const auto& method : methods) same(s, method);
  for (const shape& s : strided) same(s, winograd_shape::f5x5_stride2);
}

TEST_CASE("a grouped map keeps its numbers on the way there and back") {
  const group_map m = group_map::bordered(8, 13, 5, 6);
  CHECK(m.groups() == 2);
  CHECK(m.rows == 12);
  CHECK(m.pitch == 12);
  std::vector<float> x, y(13 * 30), map(static_cast<std::size_t>(m.size()));
  for (int i = 0; i < 13 * 30; ++i) x.push_back(static_cast<float>(i + 1));
  detail::to_groups(m, x.data(), map.data());
  CHECK(map[static_cast<std::size_t>(m.at(1, 2, 3) + 4)] == x[12 * 30 + 2 * 6 + 3]);
  CHECK(map[static_cast<std::size_t>(m.at(1, 2, 3) + 5)] == 0.0F);
  detail::from_groups(m, map.data(), y.data());
  CHECK(x == y);
}

TEST_CASE("a map gets the same bits alone and among as many as usual") {
  const auto same = [](const shape& s, const std::optional<winograd_shape>& method) {
    const problem p(s);
    cpu_context ctx({.threads = 2});
    const std::vector<float> all = fast(ctx, p, method, s.images);
    const index_t size = p.residual.size() / s.images;
    for (index_t n = 0; n < s.images; ++n) {
      problem one = p;
      one.s.images = 1;
      one.x = cpu_tensor<float, 4>(1, s.channels, s.height, s.width);
      one.residual = cpu_tensor<float, 4>(1, s.outputs, p.out_height(), p.out_width());
      std::copy_n(p.x[n].data_handle(), one.x.size(), one.x.data_handle());
      std::copy_n(p.residual[n].data_handle(), size, one.residual.data_handle());
      const std::vector<float> y = fast(ctx, one, method, s.images);
      CHECK(std::memcmp(y.data(), all.data() + n * size, y.size() * sizeof(float)) == 0);
    }
  };
  for (const shape& s : {shape{2, 128, 64, 5, 25}, shape{4, 40, 33, 5, 25}})  // 10 and 20 tiles
    for (const auto& method : methods) same(s, method);
  same({8, 33, 40, 10, 50, 3, 2}, winograd_shape::f5x5_stride2);
}
