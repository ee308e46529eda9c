// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cuda/device_span.hpp>
#include <vmt/backend/cuda/launch.hpp>

#include <type_traits>
#include <vector>

/// \file
/// The three kinds of kernel body. A body is a plain struct of sizes and spans with functions for host and device; it
/// says nothing about how it is launched. Under nvcc a thin `__global__` function runs it; without, `run_on_host` does
/// the same, thread by thread, so that a test on any machine executes every line of it. Barriers are the ends of the
/// member functions: all threads finish one before any begins the next.
///
///   map     operator()(i)                  once for each index of the launch; no index knows another
///   reduce  add(group, i, sum)             for each i < count(group), by some thread of the group's block;
///           finish(group, sum)             once, with the sum over them, added up in one fixed order
///   tile    fetch(step, …), put(…), multiply(step, …) for each step < steps(block); spill(…), finish(…)
///
/// A body has a `name`, and never writes a number that another thread of the launch reads or writes: no atomics, so
/// every result is the same in each run.

namespace vmt::inline VMT_ABI::gpu {

struct map_kind {};
struct reduce_kind {};
struct tile_kind {};

template <class Body, class Kind>
inline constexpr bool is_kind = std::is_same_v<typename Body::kind, Kind>;

/// Whether a map makes one number for each index and has it in two halves, keep(i, value(i)): a device then reads for
/// several indices before it writes, which a compiler may not do by itself.
template <class Body>
inline constexpr bool has_value = requires(const Body& b) {
  b.keep(0, b.value(0));
};

/// The order in which `run_on_host` takes blocks and threads. Results that depend on it have a race.
enum class host_order { forward, reverse };

namespace detail {

template <class F>
void in_order(index_t n, host_order order, F f) {
  for (index_t i = 0; i < n; ++i) f(order == host_order::forward ? i : n - 1 - i);
}

inline void enter(access_log* log, index_t block, index_t thread) {
  if (log != nullptr) log->enter(block, static_cast<int>(thread));
}

template <class Body>
void run_map(const Body& body, index_t n, const launch_shape& s, host_order order, access_log* log) {
  const index_t stride = s.blocks_x * s.threads;
  in_order(s.blocks_x, order, [&](index_t block) {
    in_order(s.threads, order, [&](index_t thread) {
      enter(log, block, thread);
      for (index_t i = block * s.threads + thread; i < n; i += stride) body(static_cast<int>(i));
    });
  });
}

template <class Body>
void run_reduce(const Body& body, const launch_shape& s, host_order order, access_log* log) {
  using sum = typename Body::sum;
  std::vector<sum> shared(static_cast<std::size_t>(s.threads));
  in_order(s.blocks_x, order, [&](index_t block) {
    const int group = static_cast<int>(block);
    in_order(s.threads, order, [&](index_t thread) {
      enter(log, block, thread);
      sum own{};
      for (int i = static_cast<int>(thread); i < body.count(group); i += s.threads) body.add(group, i, own);
      shared[static_cast<std::size_t>(thread)] = own;
    });
    for (int half = s.threads / 2; half > 0; half /= 2) {
      in_order(half, order, [&](index_t thread) {
        shared[static_cast<std::size_t>(thread)].add(shared[static_cast<std::size_t>(thread + half)]);
      });
    }
    enter(log, block, 0);
    body.finish(group, shared[0]);
  });
}

template <class Body>
void run_tile(const Body& body, const launch_shape& s, host_order order, access_log* log) {
  using shared_memory = typename Body::shared_memory;
  using registers = typename Body::registers;
  std::vector<registers> own(static_cast<std::size_t>(s.threads));
  std::vector<shared_memory> room(1);
  shared_memory& shared = room[0];
  in_order(s.blocks(), order, [&](index_t flat) {
    const block_index block{static_cast<int>(flat % s.blocks_x), static_cast<int>(flat / s.blocks_x % s.blocks_y),
                            static_cast<int>(flat / s.blocks_x / s.blocks_y)};
    const auto each = [&](auto f) {
      in_order(s.threads, order, [&](index_t thread) {
        enter(log, flat, thread);
        f(static_cast<int>(thread), own[static_cast<std::size_t>(thread)]);
      });
    };
    each([&](int, registers& r) { r = registers{}; });
    const int steps = body.steps(block);
    each([&](int t, registers& r) { body.fetch(0, block, t, r), body.put(0, t, shared, r); });
    for (int k = 0; k < steps; ++k) {
      each([&](int t, registers& r) {
        if (k + 1 < steps) body.fetch(k + 1, block, t, r);
        body.multiply(k, t, shared, r);
        if (k + 1 < steps) body.put(k + 1, t, shared, r);
      });
    }
    each([&](int t, registers& r) { body.spill(t, shared, r); });
    each([&](int t, registers&) { body.finish(block, t, shared); });
  });
}

}  // namespace detail

/// Runs a body over its whole index space as a device would, one thread after the other.
/// \param n    indices of a map; nothing to the other kinds
/// \param log  null, or told which thread runs
template <class Body>
void run_on_host(const Body& body, index_t n, const launch_shape& s, host_order order = host_order::forward,
                 access_log* log = nullptr) {
  if constexpr (is_kind<Body, map_kind>) {
    detail::run_map(body, n, s, order, log);
  } else if constexpr (is_kind<Body, reduce_kind>) {
    detail::run_reduce(body, s, order, log);
  } else {
    detail::run_tile(body, s, order, log);
  }
}

}  // namespace vmt::inline VMT_ABI::gpu
