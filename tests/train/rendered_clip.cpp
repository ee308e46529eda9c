// SPDX-License-Identifier: MIT
#include <vmt/train/rendered_clip.hpp>

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt::train;

namespace {

performances scales() {
  std::vector<note> notes;
  for (int i = 0; i < 200; ++i) notes.push_back({0.2 * i, 0.2 * i + 0.18, 60 + i % 24, 70});
  performances p;
  p.add(notes);
  return p;
}

}  // namespace

TEST_CASE("a rendered clip is a function of its number and the seed") {
  const performances pieces = scales();
  const key_clip a = render_key_clip(3, {.frames = 6}, pieces), again = render_key_clip(3, {.frames = 6}, pieces);
  CHECK_NOTHROW(validate(a));
  CHECK(a.rendered);
  CHECK(a.frames() == 6);
  CHECK(a.width() == 416);
  CHECK(a.pixels == again.pixels);
  CHECK(a.plate == again.plate);
  CHECK(a.notes == again.notes);
  CHECK(a.pixels != render_key_clip(4, {.frames = 6}, pieces).pixels);
  CHECK(a.pixels != render_key_clip(3, {.frames = 6, .seed = 2}, pieces).pixels);
  CHECK_THROWS_AS(static_cast<void>(render_key_clip(0, {.white_keys = 60})), error);
}

TEST_CASE("an excerpt begins at once, comes into view, and plays other notes at another pace") {
  const performances pieces = scales();
  int again = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    rng random(1, 0, i);
    const std::vector<note> e = pieces.excerpt(random, 48, 72, 4);
    REQUIRE_FALSE(e.empty());
    CHECK(e.front().onset <= 0.5);
    CHECK(e.back().onset < 4);
    CHECK(std::any_of(e.begin(), e.end(), [](const note& n) { return n.pitch >= 48 && n.pitch <= 72; }));
    if (e.size() < 2) continue;
    const std::vector<note> once = [&] {
      rng same(1, 0, i);
      return pieces.excerpt(same, 48, 72, 4, {.repeated = 0});
    }();
    CHECK(once.size() <= e.size());
    const double step = (once[1].onset - once[0].onset) / 0.2;
    CHECK(step > 1 / 1.91);
    CHECK(step < 1 / 0.69);
    again += e.size() > once.size() ? 1 : 0;
    CHECK(e[0].offset - e[0].onset < 0.18 / 0.69);
  }
  CHECK(again > 10);
  rng random(1);
  CHECK(pieces.excerpt(random, 48, 72, 0.01, {.repeated = 0}).size() == 1);
  CHECK_THROWS_AS(static_cast<void>(pieces.excerpt(random, 48, 72, 0)), error);
  CHECK_THROWS_AS(static_cast<void>(performances().excerpt(random, 48, 72, 4)), error);
}
