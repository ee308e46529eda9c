// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/synth.hpp>
#include <vmt/train/key_clip.hpp>
#include <vmt/train/performances.hpp>

#include <array>
#include <string_view>

namespace vmt::inline VMT_ABI::train {

/// The segments of rendered video that `key_net` is trained with.
struct render_options {
  index_t white_keys = 26;   ///< that a segment shows, 15 … 52
  index_t frames = 128;      ///< of a segment
  double midi_share = 0.65;  ///< of the segments that play an excerpt of a piece, where there are pieces
  std::uint64_t seed = 1;
};

namespace detail {

/// The MIDI number of white key i, 0: A0.
[[nodiscard]] constexpr int white_pitch(index_t i) noexcept {
  int pitch = 21;
  for (; i > 0; --i) pitch += keyboard::is_white(pitch + 1) ? 1 : 2;
  return pitch;
}

}  // namespace detail

/// Segment `number`: a key-aligned strip of its own style (`synth::wild`) and place on the keyboard, on which hands
/// play an excerpt of one of the `pieces`, else made-up music. The plate is a picture of the same keyboard without
/// hands, noise, movement and moving effects. A function of the arguments and nothing else. Throws `invalid_argument`
/// for options out of range, and what the renderer throws.
[[nodiscard]] inline key_clip render_key_clip(index_t number, const render_options& o,
                                              const performances& pieces = performances()) {
  if (o.white_keys < 15 || o.white_keys > 52 || o.frames < 2 || o.frames > 100'000 || number < 0) {
    throw error(errc::invalid_argument, "rendered clips: 15 … 52 white keys and 2 … 100000 frames are expected");
  }
  rng random(o.seed, static_cast<std::uint32_t>(number >> 32), static_cast<std::uint32_t>(number),
             rng_use::performance);
  const std::uint64_t style = (static_cast<std::uint64_t>(random.bits()) << 32) | random.bits();
  const index_t first = random.below(52 - o.white_keys + 1);
  synth::options look = synth::wild(style);
  look.picture.first_white = static_cast<double>(first);
  look.picture.white_keys = static_cast<double>(o.white_keys);
  look.picture.width = keyboard::strip_layout::white_pitch * o.white_keys;
  look.picture.height = keyboard::strip_layout::height();
  look.picture.top = -0.05;
  look.picture.bottom = 1.15;
  look.picture.seconds = static_cast<double>(o.frames + o.frames / 8 + 8) / look.picture.fps;  // some may be dropped

  key_clip clip;
  clip.name = "rendered " + std::to_string(number);
  clip.rendered = true;
  clip.layout = {detail::white_pitch(first), detail::white_pitch(first + o.white_keys - 1)};
  const int lowest = clip.layout.lowest_key, highest = clip.layout.highest_key;
  const bool from_midi = random.uniform() < o.midi_share;
  std::vector<note> music;
  if (from_midi && pieces.size() > 0) music = pieces.excerpt(random, lowest, highest, look.picture.seconds);
  if (music.empty()) {
    constexpr std::array<std::string_view, 6> kinds{"random", "random", "mixed", "mixed", "repeats", "trills"};
    const std::string_view kind = kinds[static_cast<std::size_t>(random.below(6))];
    music = synth::exercise(kind, style, look.picture.seconds, lowest, highest);
  }

  synth::renderer video(std::move(music), look, style);
  frame picture;
  while (clip.frames() < o.frames && video(picture)) {
    clip.pixels.insert(clip.pixels.end(), picture.pixels.begin(), picture.pixels.end());
    clip.times.push_back(picture.time);
  }
  clip.notes = video.notes();
  std::sort(clip.notes.begin(), clip.notes.end());

  look.hands.count = 0;
  look.effects.unrelated = 0;  // no notes, no light; what stands still behind the keys stays
  look.motion = {};
  look.light.big_shadow = look.light.flicker = look.light.drift = 0;
  look.sensor.noise = look.sensor.interlace = look.sensor.drop = look.sensor.repeat = 0;
  look.picture.seconds = 1;
  synth::renderer({}, look, style).draw(0, picture);
  clip.plate = picture.pixels;
  return clip;
}

}  // namespace vmt::inline VMT_ABI::train
