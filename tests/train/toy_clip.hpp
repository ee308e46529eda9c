// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/train/key_clip.hpp>

namespace vmt_test {

/// A clip of 26 white keys from C3 on: a white key that is down is darker. Clips differ by their number.
inline vmt::train::key_clip toy_clip(vmt::index_t number = 0, vmt::index_t frames = 40, double fps = 25) {
  vmt::train::key_clip c;
  c.name = "toy " + std::to_string(number);
  c.layout = {48, 91};
  vmt::rng random(77, 0, static_cast<std::uint32_t>(number));
  for (vmt::index_t f = 0; f < frames; ++f) c.times.push_back(static_cast<double>(f) / fps);
  for (double at = 0.2; at + 0.3 < c.times.back(); at += 0.15) {
    c.notes.push_back(
        {at, at + 0.12, 48 + static_cast<int>(random.below(44)), 30 + static_cast<int>(random.below(90))});
  }
  const auto paint = [&](double time, std::vector<std::uint8_t>& out) {
    const std::size_t begin = out.size();
    out.resize(begin + static_cast<std::size_t>(c.area()));
    for (vmt::index_t y = 0; y < 96; ++y) {
      for (vmt::index_t x = 0; x < c.width(); ++x) {
        out[begin + static_cast<std::size_t>(y * c.width() + x)] = c.layout.black_at(x, y) ? 30 : 200;
      }
    }
    for (const vmt::note& n : c.notes) {
      if (time < n.onset || time >= n.offset) continue;
      const auto middle = static_cast<vmt::index_t>(c.layout.centre(n.pitch));
      for (vmt::index_t y = 20; y < 80; ++y) {
        for (vmt::index_t x = middle - 4; x < middle + 4; ++x) {
          out[begin + static_cast<std::size_t>(y * c.width() + x)] = 110;
        }
      }
    }
  };
  paint(-1, c.plate);
  for (const double t : c.times) paint(t, c.pixels);
  return c;
}

}  // namespace vmt_test
