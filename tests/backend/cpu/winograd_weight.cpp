// SPDX-License-Identifier: MIT
// The weight gradient by Winograd's algorithm where tiles come in several blocks, against ops::generic in double.
#include <doctest/doctest.h>

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/core/rng.hpp>
#include <vmt/ops/conv2d.hpp>

#include <cmath>  // sqrt

using namespace vmt;

namespace {

struct shape {
  index_t images, channels, rows, height, width;
};

template <class T>
cpu_tensor<T, 4> gradient(auto& ctx, const cpu_tensor<T, 4>& x, const cpu_tensor<T, 4>& dy) {
  cpu_tensor<T, 4> dw(extents<4>{dy.extent(1), x.extent(1), 3, 3});
  ops::conv2d_params p;
  p.padding_h = p.padding_w = 1;
  for (int twice = 0; twice < 2; ++twice) ops::conv2d_backward_weight(ctx, x, dy, dw, p);  // it adds
  return dw;
}

}  // namespace

TEST_CASE(
    "weight gradients by Winograd's algorithm equal the plain loops, with the same bits for any number of threads") {
  // 128 and 448 tiles, where a block has at most 112 and 364; then channels that fill no whole tile of the kernel.
  for (const shape& s : {shape{8, 8, 512, 16, 16}, shape{8, 140, 20, 26, 30}, shape{2, 9, 13, 37, 50}}) {
    CAPTURE(s.rows);
    cpu_tensor<float, 4> x(extents<4>{s.images, s.channels, s.height, s.width});
    cpu_tensor<float, 4> dy(extents<4>{s.images, s.rows, s.height, s.width});
    cpu_tensor<double, 4> wide_x(x.extents()), wide_dy(dy.extents());
    rng r(3);
    for (index_t i = 0; i < x.size(); ++i) {
      wide_x.data_handle()[i] = x.data_handle()[i] = static_cast<float>(r.uniform(-1, 1));
    }
    for (index_t i = 0; i < dy.size(); ++i) {
      wide_dy.data_handle()[i] = dy.data_handle()[i] = static_cast<float>(r.uniform(-1, 1));
    }
    ops::generic_context plain;
    const cpu_tensor<double, 4> expected = gradient(plain, wide_x, wide_dy);
    for (const cpu_isa isa : {cpu_isa::avx2, cpu_isa::avx512}) {
      if (!supported(isa)) continue;
      CAPTURE(name(isa));
      cpu_context one({.threads = 1, .isa = isa});
      REQUIRE(detail::use_winograd(one, x.extents(), {s.rows, s.channels, 3, 3}, {1, 1, 1, 1}));
      const cpu_tensor<float, 4> dw = gradient(one, x, dy);
      double error = 0, norm = 0;
      for (index_t i = 0; i < dw.size(); ++i) {
        const double exact = expected.data_handle()[i];
        const double off = static_cast<double>(dw.data_handle()[i]) - exact;
        error += off * off;
        norm += exact * exact;
      }
      CHECK(std::sqrt(error / norm) < 2e-6);
      for (const int threads : {2, 5}) {
        cpu_context ctx({.threads = threads, .isa = isa});
        const cpu_tensor<float, 4> again = gradient(ctx, x, dy);
        CHECK(std::equal(dw.span().begin(), dw.span().end(), again.span().begin()));
      }
    }
  }
}
