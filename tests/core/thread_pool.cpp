// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/core/thread_pool.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using vmt::index_t;
using vmt::thread_pool;

TEST_CASE("every index is visited once, whatever the number of threads and indices") {
  for (const int threads : {1, 2, 3, 8}) {
    thread_pool pool(threads);
    CHECK(pool.size() == threads);
    for (const index_t n : {0, 1, 2, 7, 8, 9, 1000}) {
      std::vector<int> visits(static_cast<std::size_t>(n), 0);
      pool.parallel_for(n, [&](index_t begin, index_t end) {
        for (index_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      });
      for (const int v : visits) REQUIRE(v == 1);
    }
  }
}

TEST_CASE("thousands of short jobs in a row neither hang nor mix") {
  thread_pool pool(4);
  std::vector<long> sums(4);
  for (long round = 0; round < 20000; ++round) {
    pool.run([&](int t) { sums[static_cast<std::size_t>(t)] += round; });
  }
  for (const long s : sums) CHECK(s == 20000L * 19999 / 2);
}

TEST_CASE("an exception of any thread reaches the caller, and the pool still works") {
  thread_pool pool(3);
  for (int who = 0; who < 3; ++who) {
    CHECK_THROWS_WITH_AS(pool.run([&](int t) {
                           if (t == who) throw std::runtime_error("thread " + std::to_string(t));
                         }),
                         ("thread " + std::to_string(who)).c_str(), std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(pool.run([](int t) { throw std::runtime_error(std::to_string(t)); }), "0", std::runtime_error);
  int calls = 0;
  pool.parallel_for(1, [&](index_t, index_t) { ++calls; });
  CHECK(calls == 1);
}

TEST_CASE("pools of several callers run side by side") {
  std::vector<std::thread> callers;
  std::vector<long> results(4);
  for (std::size_t c = 0; c < 4; ++c) {
    callers.emplace_back([c, &results] {
      thread_pool pool(2);
      std::vector<long> part(2);
      for (int i = 0; i < 1000; ++i) pool.run([&](int t) { part[static_cast<std::size_t>(t)] += i; });
      results[c] = part[0] + part[1];
    });
  }
  for (std::thread& t : callers) t.join();
  for (const long r : results) CHECK(r == 999L * 1000);
}
