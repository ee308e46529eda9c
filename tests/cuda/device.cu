// SPDX-License-Identifier: MIT
// What only a machine with a GPU can show: the kernels against the plain loops, whole networks against the CPU, ten
// training steps, and times. `tools/cuda-check` runs it, also below compute-sanitizer. Without a device it says so and
// ends with status 77. Its kernels are all that networks in float launch: the table of registers is made from them.
//
//     vmt-cuda-check parity|networks|train|bench

#include <vmt/backend/cuda/cuda.cuh>
#include <vmt/engine/gpu_onset_engine.hpp>
#include <vmt/model/key_net.hpp>
#include <vmt/model/onset_net.hpp>

#include "support/key_net.hpp"
#include "support/op_cases.hpp"
#include "support/random_net.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

using namespace vmt;
using vmt_test::case_tensor;
using vmt_test::distance;
using vmt_test::joined;
using vmt_test::there;

namespace {

constexpr int skipped = 77;
constexpr gpu::precision precisions[] = {gpu::precision::f32, gpu::precision::tf32, gpu::precision::bf16};

double tolerance(gpu::precision p) {
  return p == gpu::precision::f32 ? 0 : p == gpu::precision::tf32 ? 2e-3 : 1.6e-2;
}

int report(bool good, const char* precision, const std::string& what, double off, double allowed) {
  if (!good) std::printf("FAILED %s %s: %.3g, allowed %.3g\n", precision, what.c_str(), off, allowed);
  return good ? 0 : 1;
}

int parity() {
  int failed = 0, ran = 0;
  ops::generic_context oracle;
  for (const gpu::precision p : precisions) {
    cuda_context ctx({.precision = p});
    const vmt_test::op_table<float, cuda_context> table(tolerance(p));
    for (const auto& c : table.cases()) {
      const std::vector<float> found = c.fast(ctx);
      const double off = distance(found, c.plain(oracle));
      // A device multiplies and adds in one instruction: what the host makes exactly may differ in the last bits.
      const double allowed = (std::max)(c.tolerance, 1e-6);
      failed += report(off <= allowed, name(p), c.name, off, allowed);
      failed += report(c.fast(ctx) == found, name(p), c.name + " again", 1, 0);
      ++ran;
    }
  }
  std::printf("parity: %d cases, %d failed\n", ran, failed);
  return failed;
}

int networks() {
  int failed = 0, ran = 0;
  ops::generic_context host;
  for (const gpu::precision p : precisions) {
    cuda_context ctx({.precision = p});
    const double allowed = p == gpu::precision::f32 ? 2e-5 : p == gpu::precision::tf32 ? 1e-2 : 6e-2;
    for (const onset_net_options& o : vmt_test::all_options()) {
      const onset_net<float> net = vmt_test::random_net<float>(o, 3);
      onset_net<float, cuda> far(o);
      nn::copy_weights(net, far);
      const auto x = case_tensor<float>(extents<4>{1, o.frames, 33, 64}, 1, 0, 1);
      cpu_tensor<float, 2> logits(1, o.keys);
      net.forward(host, x, logits);
      cuda_tensor<float, 2> found(1, o.keys);
      far.forward(ctx, there(ctx, x), found);
      const std::string what = std::string("onset_net ") + std::string(name(o.variant));
      double off = distance(joined<float>(found), joined<float>(logits));
      failed += report(off <= allowed, name(p), what, off, allowed);
      gpu_onset_engine<cuda_runtime> engine(ctx, net, 33, 64);
      for (index_t f = 0; f < o.frames; ++f) engine.push(ctx, x[0][f]);
      std::vector<float> answer(static_cast<std::size_t>(o.keys));
      engine.run(ctx, answer);
      off = distance(answer, joined<float>(logits));
      failed += report(off <= allowed, name(p), what + ", engine", off, allowed);
      ran += 2;
    }
    for (const key_net_options& o : vmt_test::all_key_options()) {
      const key_net<float> net = vmt_test::random_key_net<float>(o, 3);
      key_net<float, cuda> far(o);
      nn::copy_weights(net, far);
      const auto x = case_tensor<float>(extents<5>{2, 5, 3, o.rows, 64}, 1);
      const std::vector<key_place> keys = vmt_test::random_keys(12, 64, 2);
      cpu_tensor<float, 4> y(2, 6, key_outputs, 5);
      net.forward(host, x, keys, y);
      cuda_tensor<float, 4> found(y.extents());
      far.forward(ctx, there(ctx, x), keys, found);
      const double off = distance(joined<float>(found), joined<float>(y));
      failed += report(off <= allowed, name(p), "key_net", off, allowed);
      ++ran;
    }
  }
  std::printf("networks: %d cases, %d failed\n", ran, failed);
  return failed;
}

/// One step of Adam on the balanced loss; the loss before it.
template <class Net, class Context, class Adam, class X, class Y>
double step(Net& net, Context& ctx, Adam& adam, const X& x, const Y& targets, Y& logits, Y& d) {
  ops::fill(ctx, net.gradients(), 0.0F);
  net.forward_train(ctx, x, logits);
  const double loss = ops::balanced_bce(ctx, logits, targets, d);
  net.backward(ctx, d);
  adam.update(ctx, net.parameters(), net.gradients());
  return loss;
}

int train() {
  int failed = 0;
  const onset_net_options o{.width = 8, .keys = 24};
  auto targets = case_tensor<float>(extents<2>{4, 24}, 5);
  for (float& v : targets.span()) v = v > 0.6F ? 1.0F : 0.0F;
  const auto x = case_tensor<float>(extents<4>{4, 5, 65, 96}, 1, 0, 1);
  for (const gpu::precision p : precisions) {
    ops::generic_context host;
    onset_net<float> net(o);
    nn::initialise<float>(net, 1);
    nn::adam<float> adam(net.parameters().size());
    cpu_tensor<float, 2> logits(4, 24), d(4, 24);
    cuda_context ctx({.precision = p});
    onset_net<float, cuda> far(o);
    nn::copy_weights(net, far);
    nn::adam<float, cuda> far_adam(net.parameters().size());
    const auto far_x = there(ctx, x);
    const auto far_targets = there(ctx, targets);
    auto far_logits = there(ctx, logits), far_d = there(ctx, d);
    double first = 0, last = 0;
    for (int i = 0; i < 10; ++i) {
      const double expected = step(net, host, adam, x, targets, logits, d);
      last = step(far, ctx, far_adam, far_x, far_targets, far_logits, far_d);
      if (i == 0) first = last;
      const double off = std::abs(last - expected) / expected;
      // Adam divides by a gradient's size: rounding grows from step to step.
      const double allowed = (i == 0 ? 1 : 20) * (p == gpu::precision::f32 ? 2e-5 : p == gpu::precision::tf32 ? 2e-3 : 1e-2);
      failed += report(off <= allowed, name(p), "loss of step " + std::to_string(i), off, allowed);
    }
    failed += report(last < first, name(p), "the loss falls", last, first);
  }
  std::printf("train: %d failed\n", failed);
  return failed;
}

double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
template <class F>
void time(const char* what, const char* precision, index_t batch, F f) {
  for (int i = 0; i < 3; ++i) f();
  std::vector<double> all;
  for (int i = 0; i < 20; ++i) {
    const double begin = now();
    f();
    all.push_back(now() - begin);
  }
  std::sort(all.begin(), all.end());
  std::printf("{\"use\": \"%s\", \"precision\": \"%s\", \"batch\": %td, \"n\": 20, \"min_ms\": %.4f, \"median_ms\": %.4f}\n",
              what, precision, batch, all.front(), all[10]);
}

int bench() {
  const onset_net_options o{};
  onset_net<float> net(o);
  nn::initialise<float>(net, 1);
  for (const gpu::precision p : precisions) {
    cuda_context ctx({.precision = p});
    {
      gpu_onset_engine<cuda_runtime> engine(ctx, net);
      const auto frame = case_tensor<float>(extents<2>{145, 800}, 1, 0, 1);
      std::vector<float> logits(88);
      for (index_t f = 0; f < o.frames; ++f) engine.push(ctx, frame);
      time("stream", name(p), 1, [&] { engine.push(ctx, frame), engine.run(ctx, logits); });
      time("window", name(p), 1, [&] {
        for (index_t f = 0; f < o.frames; ++f) engine.push(ctx, frame);
        engine.run(ctx, logits);
      });
    }
    onset_net<float, cuda> far(o);
    nn::copy_weights(net, far);
    for (const index_t batch : {64}) {
      const auto x = there(ctx, case_tensor<float>(extents<4>{batch, 5, 145, 800}, 1, 0, 1));
      cuda_tensor<float, 2> logits(batch, 88);
      time("forward", name(p), batch, [&] { far.forward(ctx, x, logits), ctx.synchronise(); });
    }
    nn::adam<float, cuda> adam(net.parameters().size());
    for (const index_t batch : {24, 192}) {
      const auto x = there(ctx, case_tensor<float>(extents<4>{batch, 5, 145, 800}, 1, 0, 1));
      auto targets = there(ctx, case_tensor<float>(extents<2>{batch, 88}, 2, 0, 1));
      cuda_tensor<float, 2> logits(batch, 88), d(batch, 88);
      time("train", name(p), batch, [&] { step(far, ctx, adam, x, targets, logits, d); });
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: no CUDA device");
    return skipped;
  }
  try {
    const std::string what = argc == 2 ? argv[1] : "";
    if (what == "parity") return parity() == 0 ? 0 : 1;
    if (what == "networks") return networks() == 0 ? 0 : 1;
    if (what == "train") return train() == 0 ? 0 : 1;
    if (what == "bench") return bench();
    std::fprintf(stderr, "usage: %s parity|networks|train|bench\n", argv[0]);
    return 2;
  } catch (const error& e) {
    std::printf("%s\n", e.what());
    return 1;
  }
}
