// SPDX-License-Identifier: MIT
#include <vmt/media/frame.hpp>

#include <doctest/doctest.h>

#include <memory>

using vmt::media::gray_of;

TEST_CASE("a frame keeps its memory when it shrinks and grows back") {
  vmt::frame f;
  f.resize(40, 30);
  const auto* before = f.pixels.data();
  f.resize(10, 5);
  CHECK(f.pixels.size() == 50);
  f.resize(40, 30);
  CHECK(f.pixels.data() == before);
  CHECK(f.row(3) == f.pixels.data() + 120);
  CHECK_THROWS_AS(f.resize(-1, 5), vmt::error);
  CHECK(f.width == 40);
}

TEST_CASE("gray is Pillow's convert(\"L\")") {
  // Pillow 11: Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0))
  CHECK(gray_of(255, 0, 0) == 76);
  CHECK(gray_of(0, 255, 0) == 150);
  CHECK(gray_of(0, 0, 255) == 29);
  CHECK(gray_of(12, 34, 56) == 30);
  CHECK(gray_of(200, 100, 50) == 124);
  for (std::uint32_t v = 0; v < 256; ++v) CHECK(gray_of(v, v, v) == v);
}

TEST_CASE("any callable of the right shape is a frame source or an image decoder") {
  int left = 2;
  auto lambda = [&left](vmt::frame& f) {
    f.number = left;
    return left-- > 0;
  };
  static_assert(vmt::frame_source<decltype(lambda)>);
  static_assert(vmt::frame_source<bool (*)(vmt::frame&)>);
  auto move_only = [p = std::make_unique<int>(1)](vmt::frame&) { return *p == 1; };
  static_assert(vmt::frame_source<decltype(move_only)>);
  static_assert(!vmt::frame_source<void (*)(vmt::frame&)>);
  static_assert(!vmt::frame_source<bool (*)(int)>);
  static_assert(vmt::media::image_decoder<void (*)(std::span<const std::byte>, vmt::frame&)>);
  static_assert(!vmt::media::image_decoder<void (*)(vmt::frame&)>);
  vmt::frame f;
  int seen = 0;
  while (lambda(f)) ++seen;
  CHECK(seen == 2);
}
