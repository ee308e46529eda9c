// SPDX-License-Identifier: MIT
// What devices do in one kernel, against the operations one after the other; and that no kernel body was forgotten.
#include <doctest/doctest.h>

#include <vmt/backend/cuda/gpu.hpp>
#include <vmt/backend/cuda/simulated.hpp>

#include "support/op_cases.hpp"
#include "support/race_log.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

using namespace vmt;
using vmt_test::case_tensor;
using vmt_test::joined;
using vmt_test::there;

namespace {

/// Calls check(found, expected) for each operation that only devices have, maps kept as `Kept`.
template <class T, class Kept = T, class F>
void for_each_fused(simulated_context& ctx, F check) {
  ops::generic_context plain;
  const auto map = [&](const auto& t) { return vmt_test::map_there<Kept>(ctx, t); };
  const auto x = case_tensor<T>(extents<4>{2, 5, 9, 11}, 1);
  const auto w = case_tensor<T>(extents<4>{7, 5, 3, 3}, 2);
  const auto b = case_tensor<T>(extents<1>{7}, 3);
  const auto r = case_tensor<T>(extents<4>{2, 7, 9, 11}, 4);
  const auto device_x = map(x);
  const auto device_w = there(ctx, w);
  const auto device_b = there(ctx, b);
  for (const bool relu : {false, true}) {
    auto y = r;
    ops::conv2d(plain, x, w, b, y, {1, 1, 1, 1});
    ops::add(plain, y, r, y);
    if (relu) ops::relu(plain, y, y);
    auto found = map(r);  // in place of the map that is added
    gpu::conv2d<simulated_runtime, T>(ctx, device_x.view(), device_w, device_b, const_view<Kept, 4>(found), relu,
                                      found.view(), {1, 1, 1, 1});
    check(joined<T>(found), joined<T>(y));
  }
  const auto ring = case_tensor<T>(extents<4>{3, 4, 9, 11}, 5);
  const auto weight = case_tensor<T>(extents<2>{4, 3}, 6);
  const auto device_ring = map(ring);
  const auto device_weight = there(ctx, weight);
  for (const index_t first : {0, 1, 2}) {
    cpu_tensor<T, 5> window(1, 3, 4, 9, 11);
    for (index_t f = 0; f < 3; ++f) {
      std::copy_n(ring[(first + f) % 3].data_handle(), 4 * 99, window[0][f].data_handle());
    }
    cpu_tensor<T, 4> mean(1, 4, 9, 11), y(1, 4, 5, 6);
    ops::aggregate(plain, window, weight, mean);
    ops::max_pool2d(plain, mean, y, {}, {3, 2, 1});
    auto found = map(y);
    gpu::aggregate_pool<simulated_runtime, T>(ctx, device_ring.view(), first, device_weight, found[0], {3, 2, 1});
    check(joined<T>(found), joined<T>(y));
    ops::max_pool2d(plain, ring.view().slice(first, 1), y, {}, {3, 2, 1});
    gpu::aggregate_pool<simulated_runtime, T>(ctx, device_ring.view(), first, {}, found[0], {3, 2, 1});
    check(joined<T>(found), joined<T>(y));
  }
  const auto window = case_tensor<T>(extents<3>{4, 7, 3}, 7), before = case_tensor<T>(extents<3>{4, 7, 5}, 8);
  const auto left = case_tensor<T>(extents<2>{4, 5}, 9), right = case_tensor<T>(extents<2>{4, 2}, 10);
  const auto device_before = there(ctx, before);
  const auto device_left = there(ctx, left), device_right = there(ctx, right);
  for (const bool frame : {false, true})
    for (const bool skip : {false, true}) {
      cpu_tensor<T, 3> y = window;
      for (index_t c = 0; c < 4; ++c)
        for (index_t row = 0; row < 7; ++row) {
          for (index_t l = 0; l < 2; ++l) y(c, row, l) = window(c, row, l + 1);
          y(c, row, index_t{2}) = !frame ? T(0) : row < 5 ? left(c, row) : right(c, row - 5);
          if (skip) y(c, row, index_t{2}) += before(c, row, index_t{2});
        }
      auto found = there(ctx, window);
      gpu::slide_window<simulated_runtime, T>(ctx, frame ? const_view<T, 2>(device_left) : const_view<T, 2>{},
                                              frame ? const_view<T, 2>(device_right) : const_view<T, 2>{},
                                              skip ? const_view<T, 3>(device_before) : const_view<T, 3>{}, 2, found);
      check(joined<T>(found), joined<T>(y));
    }
}

}  // namespace

TEST_CASE("what devices do in one kernel equals the operations one after the other, without races") {
  simulated_context ctx;
  vmt_test::race_log log;
  ctx.runtime().watch(&log);
  ctx.runtime().on_launch = [&log](const char* kernel) { log.begin(kernel); };
  for_each_fused<float>(ctx, [](const auto& found, const auto& y) { CHECK(vmt_test::distance(found, y) < 1e-6); });
  for_each_fused<double>(ctx, [](const auto& found, const auto& y) { CHECK(vmt_test::distance(found, y) < 1e-14); });
  // The factors are rounded, and what is kept.
  for_each_fused<float, gpu::stored_bf16>(
      ctx, [](const auto& found, const auto& y) { CHECK(vmt_test::distance(found, y) < 1e-2); });
  CHECK(log.complaint() == "");
}

TEST_CASE("every kernel body that exists runs in the tests") {
  std::set<std::string> exist;
  const std::string before = "static constexpr const char* name = \"";
  for (const auto& file : std::filesystem::directory_iterator("include/vmt/backend/cuda/bodies")) {
    std::ifstream in(file.path());
    std::stringstream text;
    text << in.rdbuf();
    const std::string code = text.str();
    for (auto at = code.find(before); at != std::string::npos; at = code.find(before, at)) {
      at += before.size();
      exist.insert(code.substr(at, code.find('"', at) - at));
    }
  }
  simulated_context ctx;
  std::set<std::string> ran;
  ctx.runtime().on_launch = [&](const char* kernel) { ran.insert(kernel); };
  const vmt_test::op_table<float, simulated_context> table;
  for (const auto& c : table.cases()) static_cast<void>(c.fast(ctx));
  for_each_fused<float>(ctx, [](const auto&, const auto&) {});
  CHECK(exist.size() > 40);
  for (const std::string& kernel : exist) {
    CAPTURE(kernel);
    CHECK(ran.count(kernel) == 1);
  }
  for (const std::string& kernel : ran) {
    CAPTURE(kernel);
    CHECK(exist.count(kernel) == 1);
  }
}
