// SPDX-License-Identifier: MIT
// What training computes in groups of channels, where blocks of tiles, images or places end inside: against
// ops::generic in double, with the same bits for any number of threads.
#include <doctest/doctest.h>

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/conv2d.hpp>

#include <cmath>  // sqrt

using namespace vmt;

namespace {

struct gradient_shape {
  index_t images, channels, rows, height, width, stride = 1;

  [[nodiscard]] ops::conv2d_params params() const noexcept { return {stride, stride, 1, 1}; }
  [[nodiscard]] extents<4> x() const noexcept { return {images, channels, height, width}; }
  [[nodiscard]] extents<4> w() const noexcept { return {rows, channels, 3, 3}; }
  [[nodiscard]] extents<4> y() const noexcept {
    return {images, rows, params().out_height(height, 3), params().out_width(width, 3)};
  }
};

template <class T>
cpu_tensor<T, 4> noise(const extents<4>& e, std::uint64_t seed) {
  cpu_tensor<T, 4> t(e);
  rng r(seed);
  for (T& v : t.span()) v = static_cast<T>(static_cast<float>(r.uniform(-1, 1)));
  return t;
}

/// f(context, number of the type) in float on every instruction set, against the plain loops in double.
template <class F>
void check(F f, double allowed) {
  ops::generic_context plain;
  const cpu_tensor<double, 4> expected = f(plain, double{});
  for (const cpu_isa isa : {cpu_isa::portable, cpu_isa::avx2, cpu_isa::avx512}) {
    if (!supported(isa)) continue;
    CAPTURE(name(isa));
    cpu_context one({.threads = 1, .isa = isa});
    const cpu_tensor<float, 4> found = f(one, float{});
    double error = 0, norm = 0;
    for (index_t i = 0; i < found.size(); ++i) {
      const double exact = expected.data_handle()[i];
      const double off = static_cast<double>(found.data_handle()[i]) - exact;
      error += off * off;
      norm += exact * exact;
    }
    CHECK(std::sqrt(error / norm) < allowed);
    for (const int threads : {2, 5}) {
      cpu_context ctx({.threads = threads, .isa = isa});
      const cpu_tensor<float, 4> again = f(ctx, float{});
      CHECK(std::equal(found.span().begin(), found.span().end(), again.span().begin()));
    }
  }
}

}  // namespace

TEST_CASE("weight gradients in groups of channels equal the plain loops") {
  constexpr gradient_shape by_winograd[] = {
      {8, 8, 512, 16, 16}, {8, 140, 20, 26, 30}, {2, 9, 13, 37, 50}, {14, 40, 35, 40, 54, 2}, {3, 64, 33, 9, 70, 2}};
  for (const gradient_shape& s : by_winograd) {
    CAPTURE(s.rows);
    check(
        [&]<class C, class T>(C& ctx, T) {
          const auto x = noise<T>(s.x(), 3);
          const auto dy = noise<T>(s.y(), 4);
          cpu_tensor<T, 4> dw(s.w());
          for (int twice = 0; twice < 2; ++twice) ops::conv2d_backward_weight(ctx, x, dy, dw, s.params());  // it adds
          return dw;
        },
        2e-6);
  }
}

TEST_CASE("convolutions through groups of channels equal the plain loops, forwards and for the input") {
  constexpr gradient_shape by_product[] = {{9, 40, 72, 10, 25}, {17, 64, 33, 5, 8}, {2, 33, 64, 37, 50}};
  for (const gradient_shape& s : by_product) {
    CAPTURE(s.rows);
    check(
        [&]<class C, class T>(C& ctx, T) {
          const auto bias = noise<T>({1, 1, 1, s.rows}, 5);
          cpu_tensor<T, 4> y(s.y());
          ops::conv2d(ctx, noise<T>(s.x(), 3), noise<T>(s.w(), 4),
                      const_view<T, 1>(bias.data_handle(), extents<1>{s.rows}), y, s.params());
          return y;
        },
        3e-6);
    check(
        [&]<class C, class T>(C& ctx, T) {
          cpu_tensor<T, 4> dx(s.x());
          ops::conv2d_backward_input(ctx, noise<T>(s.y(), 3), noise<T>(s.w(), 4), dx, s.params());
          return dx;
        },
        3e-6);
  }
}
