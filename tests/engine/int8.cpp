// SPDX-License-Identifier: MIT
// int8 against the network with every weight and every map rounded to whole numbers, in double.
#include <doctest/doctest.h>

#include <vmt/core/rng.hpp>
#include <vmt/engine/calibrator.hpp>
#include <vmt/engine/onset_engine.hpp>

#include <cstring>
#include <functional>
#include <vector>

#include "support/near_f32.hpp"
#include "support/noise_video.hpp"
#include "support/random_net.hpp"

using namespace vmt;
using vmt_test::noise_height;
using vmt_test::noise_width;

namespace {

activation_ranges calibrated(cpu_context& ctx, const onset_net<float>& net, range_rule rule = range_rule::all) {
  calibrator seen;
  onset_engine engine(ctx, net, noise_height, noise_width);
  engine.watch(std::ref(seen));
  const auto frames = vmt_test::noise_video(net.options().frames, noise_height, noise_width, 9);
  std::vector<float> y(static_cast<std::size_t>(net.options().keys));
  engine.run_windows(ctx, frames, y);
  return seen.ranges(rule);
}

onset_engine_options int8_of(activation_ranges ranges, index_t windows = 1) {
  return {.height = noise_height,
          .width = noise_width,
          .windows = windows,
          .precision = engine_precision::int8,
          .ranges = std::move(ranges)};
}

bool has_int8(const cpu_context& ctx) {
  return make_int8_kernels(ctx.isa()).usable();
}

using map = cpu_tensor<double, 4>;

// The nearest number that a byte of such a map can stand for.
map rounded(map x, const activation_range& r) {
  const engine::affine a(r);
  for (double& v : x.span()) v = a.step * (std::clamp(std::nearbyint(v / a.step) + a.zero, 0.0, 255.0) - a.zero);
  return x;
}

// conv, batch norm folded into weights that are rounded.
map convolved(cpu_context& ctx, const map& x, const nn::conv2d<float>& conv, const nn::batch_norm<float>* norm) {
  const engine::folded_norm folded(conv, norm);
  const auto w = conv.weight();
  const index_t inputs = x.extent(1);
  map rounded_weight(w.extent(0), inputs, w.extent(2), w.extent(3));
  cpu_tensor<double, 1> bias(w.extent(0));
  const index_t each = w.size() / w.extent(0);
  const index_t taken = rounded_weight.size() / w.extent(0);  // of fuse only the share of the maps
  for (index_t m = 0; m < w.extent(0); ++m) {
    const double scale = folded.scale[static_cast<std::size_t>(m)];
    double largest = 0;
    for (index_t i = 0; i < each; ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(w.data_handle()[m * each + i]) * scale));
    }
    for (index_t i = 0; i < taken; ++i) {
      const double v = static_cast<double>(w.data_handle()[m * each + i]) * scale;
      rounded_weight.data_handle()[m * taken + i] = std::nearbyint(v / (largest / 127)) * (largest / 127);
    }
    bias(m) = folded.bias[static_cast<std::size_t>(m)];
  }
  extents<4> e = conv.out_extents({x.extent(0), w.extent(1), x.extent(2), x.extent(3)});
  map y(e);
  ops::conv2d(ctx, x, rounded_weight, bias, y, conv.params());
  return y;
}

map block(cpu_context& ctx, const map& x, const nn::basic_block<float>& b, const activation_ranges& ranges) {
  std::vector<std::pair<const nn::conv2d<float>*, const nn::batch_norm<float>*>> convs;
  b.for_each_conv([&](const std::string&, const nn::conv2d<float>& c, const nn::batch_norm<float>& n) {
    convs.emplace_back(&c, &n);
  });
  const map middle = rounded(convolved(ctx, x, *convs[0].first, convs[0].second), ranges.at("conv1"));
  map y = convolved(ctx, middle, *convs[1].first, convs[1].second);
  const map shortcut =
      convs.size() == 2 ? x : rounded(convolved(ctx, x, *convs[2].first, convs[2].second), ranges.at("downsample.0"));
  for (index_t i = 0; i < y.size(); ++i) y.data_handle()[i] += shortcut.data_handle()[i];
  return rounded(std::move(y), ranges.at("conv2"));
}

}  // namespace

TEST_CASE("layers of int8 equal the convolution of the rounded numbers, to one step of the output") {
  cpu_context ctx({.threads = 1});
  if (!has_int8(ctx)) return;
  cpu_context plain({.threads = 1, .isa = cpu_isa::portable});
  const onset_net<float> net = vmt_test::random_net<float>({.width = 40}, 6);
  const nn::basic_block<float>& b = net.layer2().first();  // 40 → 80 channels, with stride and shortcut
  const extents<4> e{1, 40, 12, 21};
  map x(e);
  rng r(4);
  for (double& v : x.span()) v = r.uniform(-1, 2);
  const activation_range in{-1, 2};
  x = rounded(std::move(x), in);
  activation_ranges ranges;  // what each convolution spans, but for the sum with the shortcut
  map middle_map;
  b.for_each_conv([&](const std::string& n, const nn::conv2d<float>& c, const nn::batch_norm<float>& norm) {
    const map y = convolved(plain, n == "conv2" ? middle_map : x, c, &norm);
    const auto [low, high] = std::minmax_element(y.span().begin(), y.span().end());
    ranges[n] = {n == "downsample.0" ? static_cast<float>(*low) : 0.0F, static_cast<float>(*high)};
    if (n == "conv1") middle_map = rounded(y, ranges[n]);
  });
  const map expected = block(plain, x, b, ranges);

  using detail::group_map;
  const index_t group = make_int8_kernels(ctx.isa()).group;
  const group_map from = group_map::bordered(group, 40, 12, 21);
  const group_map to = group_map::bordered(group, 80, expected.extent(2), expected.extent(3));
  const engine::fast_block<engine::int8_layer> fast(ctx.groups(), b, from, to, 1, "", ranges, in);
  constexpr index_t slack = engine::int8_layer::slack;
  host_buffer<std::uint8_t> xs(from.size() + slack), middle(to.size() + slack), y(to.size() + slack);
  std::fill_n(xs.data(), xs.size(), engine::int8_layer::stored(0, in));
  for (index_t c = 0; c < 40; ++c)
    for (index_t i = 0; i < 12; ++i)
      for (index_t j = 0; j < 21; ++j) {
        xs.data()[from.at(c / group, i, j) + c % group] =
            engine::int8_layer::stored(static_cast<float>(x(0, c, i, j)), in);
      }
  fast.run(ctx, xs.data(), y.data(), middle.data(), 1);
  const engine::affine out(ranges.at("conv2"));
  index_t others = 0;
  double worst = 0;
  for (index_t c = 0; c < 80; ++c)
    for (index_t i = 0; i < to.height; ++i)
      for (index_t j = 0; j < to.width; ++j) {
        const double d =
            std::abs(out.step * y.data()[to.at(c / group, i, j) + c % group] - expected(0, c, i, j)) / out.step;
        worst = std::max(worst, d);
        others += d > 0.5;
      }
  CHECK(worst < 1.5);  // where float and double round to different sides
  CHECK(others * 100 < expected.size());
}

TEST_CASE("in int8 the engine's logits stay near those in f32, for every option") {
  cpu_context ctx({.threads = 2});
  const auto frames = vmt_test::noise_video(7, noise_height, noise_width);
  for (const onset_net_options& o : vmt_test::all_options()) {
    CAPTURE(name(o.variant));
    CAPTURE(name(o.stem));
    const onset_net<float> net = vmt_test::random_net<float>(o, 6);
    const onset_engine_options wish = int8_of(calibrated(ctx, net), 3);
    if (!has_int8(ctx)) {
      CHECK_THROWS_WITH_AS(onset_engine(ctx, net, wish),
                           "onset_engine: int8 needs a processor with dot products of bytes (VNNI); use f32", error);
      continue;
    }
    // The ranges are of one window of other noise.
    vmt_test::check_near_f32(ctx, net, wish, frames, 0.1);
  }
}

TEST_CASE("in int8 the engine gives the same bits for 1, 2 and 5 threads") {
  const auto frames = vmt_test::noise_video(5, noise_height, noise_width);
  const onset_net<float> net = vmt_test::random_net<float>({.width = 8}, 5);
  cpu_context first({.threads = 1});
  if (!has_int8(first)) return;
  const activation_ranges ranges = calibrated(first, net);
  std::vector<std::vector<float>> all;
  for (const int threads : {1, 2, 5}) {
    cpu_context ctx({.threads = threads});
    onset_engine engine(ctx, net, int8_of(ranges));
    std::vector<float> logits(88);
    engine.run_windows(ctx, frames, logits);
    all.push_back(logits);
  }
  CHECK(std::memcmp(all[0].data(), all[1].data(), 88 * sizeof(float)) == 0);
  CHECK(std::memcmp(all[0].data(), all[2].data(), 88 * sizeof(float)) == 0);
}

TEST_CASE("behind the max-pool every instruction set gives the same bits") {
  const auto frames = vmt_test::noise_video(5, noise_height, noise_width);
  const onset_net<float> net = vmt_test::random_net<float>({.width = 40}, 5);
  cpu_context plain({.threads = 1, .isa = cpu_isa::portable});
  const activation_ranges ranges = calibrated(plain, net);
  std::vector<float> expected;
  for (const auto& [isa, tiles] : {std::pair{cpu_isa::portable, "0"}, std::pair{cpu_isa::avx2, "0"},
                                   std::pair{cpu_isa::avx512, "0"}, std::pair{cpu_isa::avx512, "1"}}) {
    ::setenv("VMT_CPU_AMX", tiles, 1);
    if (!supported(isa) || !make_int8_kernels(isa).usable()) continue;
    const index_t group = make_int8_kernels(isa).group;
    CAPTURE(make_int8_kernels(isa).name);
    cpu_context ctx({.threads = 1, .isa = isa});
    const onset_net<float>::shapes s = net.sizes({1, 5, noise_height, noise_width});
    engine::onset_tail<engine::int8_layer> tail(ctx, net, s, group, 1, ranges);
    rng r(1);
    const detail::group_map& m = tail.input_map();
    for (index_t c = 0; c < m.channels; ++c)
      for (index_t i = 0; i < m.height; ++i)
        for (index_t j = 0; j < m.width; ++j) {
          tail.input()[m.at(c / group, i, j) + c % group] = static_cast<std::uint8_t>(r.uniform(0, 256));
        }
    std::vector<float> features(static_cast<std::size_t>(net.features()));
    tail.run(ctx, 1, features.data());
    if (expected.empty()) expected = features;
    CHECK(std::memcmp(features.data(), expected.data(), features.size() * sizeof(float)) == 0);
  }
  ::unsetenv("VMT_CPU_AMX");
}

TEST_CASE("int8 without the ranges of the maps is refused, and the sentence names those that are missing") {
  cpu_context ctx({.threads = 1, .isa = cpu_isa::portable});
  const onset_net<float> net = vmt_test::random_net<float>({.width = 2}, 5);
  activation_ranges ranges = calibrated(ctx, net);
  ranges.erase("fuse");
  ranges.erase("layer3.1.conv2");
  CHECK_THROWS_WITH_AS(
      onset_engine(ctx, net, int8_of(ranges)),
      "onset_engine: int8 has to know what the activations span, and is not told for layer3.1.conv2 fuse", error);
  onset_engine engine(ctx, net, int8_of(calibrated(ctx, net)));
  CHECK_THROWS_AS(engine.watch({}), error);
}

TEST_CASE("a calibrator sees what maps span, and cuts off what lies far out where a rule says so") {
  const detail::group_map m = detail::group_map::bordered(8, 5, 100, 400);
  host_buffer<float> x(m.size());
  std::fill_n(x.data(), x.size(), 1e6F);  // border and missing channels are not looked at
  rng r(5);
  for (index_t c = 0; c < 5; ++c)
    for (index_t i = 0; i < 100; ++i)
      for (index_t j = 0; j < 400; ++j) x.data()[m.at(0, i, j) + c] = static_cast<float>(r.uniform(-1, 3));
  x.data()[m.at(0, 4, 4)] = 50;
  x.data()[m.at(0, 4, 5)] = -2;
  calibrator seen;
  seen("a", m, x.data());
  const activation_range all = seen.ranges(range_rule::all).at("a");
  CHECK(all.low == -2);
  CHECK(all.high == 50);
  const activation_range most = seen.ranges(range_rule::percentile).at("a");
  CHECK(most.low == doctest::Approx(-1).epsilon(0.05));
  CHECK(most.high == doctest::Approx(3).epsilon(0.05));
  const activation_range best = seen.ranges(range_rule::least_error).at("a");
  CHECK(best.high < 50);
  x.data()[m.at(0, 4, 4)] = std::numeric_limits<float>::quiet_NaN();
  seen("b", m, x.data());
  CHECK_THROWS_WITH_AS(static_cast<void>(seen.ranges(range_rule::all)),
                       "calibrator: the map b has numbers that are not finite", error);
}

TEST_CASE("ranges go through metadata unchanged, and nonsense there is named") {
  const activation_ranges ranges{{"pool", {-0.1F, 3.3333F}}, {"layer1.0.conv1", {0, 1e-3F}}};
  std::map<std::string, std::string> metadata{{"vmt.model", "onset_net"}};
  add_to_metadata(ranges, metadata);
  CHECK(metadata.size() == 3);
  CHECK(activation_ranges_of(metadata) == ranges);
  for (const char* wrong : {"1", "0 ", "x 1", "0 1 2", "1 2", "-2 -1", "0 nan", "-inf 1", "0 inf"}) {
    CAPTURE(wrong);
    metadata["quant.pool"] = wrong;
    CHECK_THROWS_AS(static_cast<void>(activation_ranges_of(metadata)), error);
  }
}
