// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/engine/conv_plan.hpp>

using namespace vmt;

namespace {

engine::conv_method method(index_t in, index_t out, index_t kernel, index_t stride, index_t height, index_t width,
                           index_t images = 1) {
  const nn::conv2d<float> conv(in, out, kernel, stride);
  return engine::choose_method(make_group_kernels(cpu_isa::portable), conv, in, height, width, images);
}

}  // namespace

TEST_CASE("only 3x3 convolutions with stride 1 or 2 and a zero around go by Winograd's algorithm") {
  CHECK(method(64, 128, 3, 2, 19, 100) == winograd_shape::f5x5_stride2);
  CHECK_FALSE(method(64, 128, 3, 3, 13, 67));
  CHECK_FALSE(method(64, 128, 1, 2, 19, 100));
  CHECK_FALSE(method(64, 64, 5, 1, 37, 200));
  CHECK(method(64, 64, 3, 1, 37, 200));
  nn::conv2d<float> dilated({64, 64, 3, 3, {1, 1, 1, 2, 2}, false});
  CHECK_FALSE(engine::choose_method(make_group_kernels(cpu_isa::portable), dilated, 64, 37, 200, 1));
}

TEST_CASE("large maps get large tiles, a map of two rows does not") {
  CHECK(method(64, 64, 3, 1, 37, 200) == winograd_shape::f5x5);
  CHECK(method(64, 64, 3, 1, 40, 40) == winograd_shape::f5x5);
  CHECK(method(256, 256, 3, 1, 2, 40) == winograd_shape::f2x4);
  CHECK(engine::name(engine::conv_method()) == "direct");
  CHECK(engine::name(engine::conv_method(winograd_shape::f2x4)) == "winograd 2x4");
}

TEST_CASE("more maps at once cost less each") {
  const group_kernels k = make_group_kernels(cpu_isa::portable);
  for (const engine::conv_method& m : {engine::conv_method(), engine::conv_method(winograd_shape::f2x4)}) {
    CHECK(engine::estimated_cycles(m, k, 512, 512, 9, 5, 25, 8) <
          8.01 * engine::estimated_cycles(m, k, 512, 512, 9, 5, 25, 1));
  }
}
