// SPDX-License-Identifier: MIT
#include <vmt/train/clip_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>

using namespace vmt;
using vmt::train::clip_pool;
using vmt::train::key_clip;

namespace {

key_clip named(index_t i) {
  key_clip c;
  c.name = std::to_string(i);
  return c;
}

}  // namespace

TEST_CASE("clips are made once, by any number of threads, and are the ones that were asked for") {
  for (const int threads : {1, 3}) {
    std::atomic<int> made{0};
    clip_pool pool(
        [&](index_t i) {
          ++made;
          return named(i);
        },
        threads);
    pool.keep(2, 9);
    for (const index_t i : {8, 2, 5, 5, 3, 4, 6, 7}) CHECK(pool.get(i)->name == std::to_string(i));
    CHECK(made == 7);
    pool.keep(4, 10);
    CHECK(pool.get(9)->name == "9");
    CHECK(pool.get(4)->name == "4");
    CHECK(made == 8);
    CHECK_THROWS_AS(static_cast<void>(pool.get(3)), error);
    pool.keep(2, 4);  // back: they are made again
    CHECK(pool.get(3)->name == "3");
    CHECK(made >= 9);
  }
}

TEST_CASE("a clip lives on while it is used, and what its maker throws comes to the user") {
  clip_pool pool([](index_t i) -> key_clip {
    if (i == 3) throw std::runtime_error("no paint");
    return named(i);
  });
  pool.keep(0, 2);
  const auto first = pool.get(0);
  pool.keep(2, 4);
  CHECK(first->name == "0");
  CHECK_THROWS_WITH_AS(static_cast<void>(pool.get(3)), "no paint", std::runtime_error);
}
