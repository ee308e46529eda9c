// SPDX-License-Identifier: MIT
// What only a machine with a GPU can show: the kernels against the plain loops, whole networks against the CPU, ten
// training steps, and times. `tools/cuda-check` runs it, also below compute-sanitizer. Without a device it says so and
// ends with status 77. Its kernels are all that networks in float launch: the table of registers is made from them.
//
//     vmt-cuda-check parity [--few]|networks|train|bench|profile [tf32 …]

#include <vmt/backend/cuda/cuda.cuh>
#include <vmt/engine/gpu_key_engine.hpp>
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
#include <map>
#include <string>
#include <vector>

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

/// Of the table, the first and the last case of each kind: enough to see every kernel, for tools that are slow.
template <class Cases>
std::vector<bool> chosen(const Cases& cases, bool few) {
  std::vector<bool> wanted(cases.size(), !few);
  if (!few) return wanted;
  const auto kind = [&](std::size_t i) { return cases[i].name.substr(0, cases[i].name.find_first_of("0123456789[(")); };
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (last.count(kind(i)) == 0) wanted[i] = true;
    last[kind(i)] = i;
  }
  for (const auto& [name, i] : last) wanted[i] = true;
  return wanted;
}

struct outcome {
  int ran = 0, failed = 0;
};

/// The table of cases, maps kept as `Kept`.
template <class Kept>
outcome parity_of(gpu::precision p, const std::string& of, bool few) {
  outcome all;
  ops::generic_context oracle;
  cuda_context ctx({.precision = p});
  const vmt_test::op_table<float, cuda_context, Kept> table(tolerance(p));
  const std::vector<bool> wanted = chosen(table.cases(), few);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    const auto& c = table.cases()[i];
    const std::vector<float> found = c.fast(ctx);
    const double off = distance(found, c.plain(oracle));
    // A device multiplies and adds in one instruction: what the host makes exactly may differ in the last bits.
    const double allowed = (std::max)(c.tolerance, 1e-6);
    all.failed += report(off <= allowed, name(p), c.name + of, off, allowed);
    all.failed += report(c.fast(ctx) == found, name(p), c.name + of + " again", 1, 0);
    ++all.ran;
  }
  return all;
}

int parity(bool few) {
  outcome all;
  const auto add = [&all](const outcome& o) {
    all.ran += o.ran;
    all.failed += o.failed;
  };
  for (const gpu::precision p : precisions) add(parity_of<float>(p, "", few));
  add(parity_of<gpu::stored_bf16>(gpu::precision::bf16, ", maps in bf16", few));
  std::printf("parity: %d cases, %d failed\n", all.ran, all.failed);
  return all.failed;
}

/// What the live engine says of the frames of a video, as K × 5 × T.
std::vector<float> live(cuda_context& ctx, const key_net<float>& net, const_view<float, 4> frames,
                        std::span<const key_place> keys) {
  const index_t count = frames.extent(0);
  gpu_key_engine<cuda_runtime> engine(ctx, net, frames.extent(3), keys);
  cpu_tensor<float, 3> y(engine.keys(), key_outputs, count);
  std::vector<float> numbers(static_cast<std::size_t>(key_outputs * engine.keys()));
  const auto take = [&] {
    const index_t t = engine.frame();
    engine.run(ctx, numbers);
    for (index_t o = 0; o < key_outputs; ++o)
      for (index_t k = 0; k < engine.keys(); ++k) y(k, o, t) = numbers[static_cast<std::size_t>(o * engine.keys() + k)];
  };
  for (index_t t = 0; t < count; ++t) {
    engine.push(ctx, frames[t]);
    if (engine.ready()) take();
  }
  engine.flush(ctx);
  while (engine.ready()) take();
  return joined<float>(y);
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
    std::vector<key_net_options> key_options = vmt_test::all_key_options();
    key_options.push_back({.rows = 32, .dropout = 0});  // wide enough to go tap by tap
    for (const key_net_options& o : key_options) {
      const key_net<float> net = vmt_test::random_key_net<float>(o, 3);
      key_net<float, cuda> far(o);
      nn::copy_weights(net, far);
      const auto x = case_tensor<float>(extents<5>{2, 5, 3, o.rows, 64}, 1);
      const std::vector<key_place> keys = vmt_test::random_keys(12, 64, 2);
      cpu_tensor<float, 4> y(2, 6, key_outputs, 5);
      net.forward(host, x, keys, y);
      cuda_tensor<float, 4> found(y.extents());
      far.forward(ctx, there(ctx, x), keys, found);
      double off = distance(joined<float>(found), joined<float>(y));
      failed += report(off <= allowed, name(p), "key_net", off, allowed);
      const std::span<const key_place> of_first = std::span(keys).first(6);
      const std::span<const float> first = std::as_const(y).view()[0].span();
      off = distance(live(ctx, net, x[0], of_first), std::vector<float>(first.begin(), first.end()));
      failed += report(off <= allowed, name(p), "key_net, engine", off, allowed);
      ran += 2;
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
      const double allowed = (i == 0 ? 1 : 20) * (p == gpu::precision::f32    ? 2e-5
                                                  : p == gpu::precision::tf32 ? 2e-3
                                                                              : 1e-2);
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
  std::printf(
      "{\"use\": \"%s\", \"precision\": \"%s\", \"batch\": %td, \"n\": 20, \"min_ms\": %.4f, \"median_ms\": %.4f}\n",
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
    {
      const key_net_options usual{};
      gpu_key_engine<cuda_runtime> engine(ctx, vmt_test::random_key_net<float>(usual, 3), 832,
                                          vmt_test::random_keys(88, 832, 2));
      const auto frame = case_tensor<float>(extents<3>{3, usual.rows, 832}, 1);
      std::vector<float> answer(static_cast<std::size_t>(key_outputs * engine.keys()));
      for (index_t f = 0; f < engine.lookahead(); ++f) engine.push(ctx, frame);
      time("key_net stream", name(p), 1, [&] { engine.push(ctx, frame), engine.run(ctx, answer); });
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
      const auto targets = there(ctx, case_tensor<float>(extents<2>{batch, 88}, 2, 0, 1));
      cuda_tensor<float, 2> logits(batch, 88), d(batch, 88);
      time("train", name(p), batch, [&] { step(far, ctx, adam, x, targets, logits, d); });
    }
  }
  return 0;
}

/// The time of each kernel, between two events of the stream. The events cost a few microseconds a launch, which is
/// why the sum is more than `bench` says.
class kernel_times final : public launch_observer {
 public:
  kernel_times() = default;
  kernel_times(const kernel_times&) = delete;
  ~kernel_times() override {
    for (const entry& e : entries_) cudaEventDestroy(e.begin), cudaEventDestroy(e.end);
  }
  void before(const char* kernel, const gpu::launch_shape& s, cudaStream_t stream) override {
    std::string what = kernel;
    if (s.shared_bytes > 8192) {  // tiles: their number tells one layer from another
      what += " " + std::to_string(s.blocks_x) + "x" + std::to_string(s.blocks_y) + "x" + std::to_string(s.blocks_z);
    }
    entries_.push_back({what, event(), event()});
    VMT_CUDA_CHECK(cudaEventRecord(entries_.back().begin, stream));
  }
  void after(cudaStream_t stream) override { VMT_CUDA_CHECK(cudaEventRecord(entries_.back().end, stream)); }

  /// After the stream has been waited for.
  void print(const char* title) const {
    std::map<std::string, std::pair<int, double>> sums;
    double all = 0;
    for (const entry& e : entries_) {
      float ms = 0;
      VMT_CUDA_CHECK(cudaEventElapsedTime(&ms, e.begin, e.end));
      auto& [launches, time] = sums[e.what];
      ++launches;
      time += static_cast<double>(ms);
      all += static_cast<double>(ms);
    }
    std::vector<std::pair<std::string, std::pair<int, double>>> sorted(sums.begin(), sums.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.second.second > b.second.second; });
    std::printf("\n%s: %zu launches, %.3f ms\n%10s %6s %9s  kernel\n", title, entries_.size(), all, "ms", "%",
                "launches");
    for (const auto& [what, found] : sorted) {
      if (found.second < 0.002 * all) break;
      std::printf("%10.4f %6.1f %9d  %s\n", found.second, 100 * found.second / all, found.first, what.c_str());
    }
  }

 private:
  struct entry {
    std::string what;
    cudaEvent_t begin, end;
  };
  static cudaEvent_t event() {
    cudaEvent_t e = nullptr;
    VMT_CUDA_CHECK(cudaEventCreate(&e));
    return e;
  }
  std::vector<entry> entries_;
};

int profile(const std::vector<std::string>& which) {
  const onset_net_options o{};
  onset_net<float> net(o);
  nn::initialise<float>(net, 1);
  for (const gpu::precision p : precisions) {
    if (!which.empty() && std::find(which.begin(), which.end(), name(p)) == which.end()) continue;
    cuda_context ctx({.precision = p});
    onset_net<float, cuda> far(o);
    nn::copy_weights(net, far);
    nn::adam<float, cuda> adam(net.parameters().size());
    const auto x = there(ctx, case_tensor<float>(extents<4>{24, 5, 145, 800}, 1, 0, 1));
    const auto targets = there(ctx, case_tensor<float>(extents<2>{24, 88}, 2, 0, 1));
    cuda_tensor<float, 2> logits(24, 88), d(24, 88);
    const auto measure = [&](const char* what, auto work) {
      work(), work(), ctx.synchronise();
      kernel_times times;
      ctx.runtime().observe(&times);
      work();
      ctx.runtime().observe(nullptr);
      ctx.synchronise();
      times.print((std::string(name(p)) + ", " + what + ", batch 24").c_str());
    };
    measure("forward", [&] { far.forward(ctx, x, logits); });
    measure("training step", [&] { step(far, ctx, adam, x, targets, logits, d); });
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
    const std::string what = argc >= 2 ? argv[1] : "";
    const std::vector<std::string> rest(argv + (std::min)(argc, 2), argv + argc);
    if (what == "profile") return profile(rest);
    if (what == "parity" && rest.size() <= 1 && (rest.empty() || rest[0] == "--few")) {
      return parity(!rest.empty()) == 0 ? 0 : 1;
    }
    if (what == "networks") return networks() == 0 ? 0 : 1;
    if (what == "train") return train() == 0 ? 0 : 1;
    if (what == "bench") return bench();
    std::fprintf(stderr, "usage: %s parity [--few]|networks|train|bench|profile [f32|tf32|bf16 …]\n", argv[0]);
    return 2;
  } catch (const error& e) {
    std::printf("%s\n", e.what());
    return 1;
  }
}
