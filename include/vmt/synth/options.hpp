// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/geometry.hpp>
#include <vmt/synth/view.hpp>

#include <string>  // messages

namespace vmt::inline VMT_ABI::synth {

/// What a picture shows.
enum class picture_kind {
  camera,       ///< what a camera sees
  paper_strip,  ///< the keyboard alone, registered: `width` × `height`, 145×800 in the paper; all 88 keys fill the
                ///< width
  key_strip     ///< the key-aligned strip: every white key `width` / `white_keys` pixels wide
};

/// How a rendered video looks, in concrete numbers; `presets.hpp` makes them up. Each ingredient can be turned off by 0
/// or false. The range of every number stands in `for_each_number`. Tones are gray levels, 0 … 255, in light of
/// strength 1.
struct options {
  struct picture_options {
    picture_kind kind = picture_kind::camera;
    index_t width = 1280;
    index_t height = 720;
    double fps = 30;
    double seconds = 0;      ///< length of the video; 0: until one second after the last note
    double first_white = 0;  ///< key_strip: the first white key (0: A0) …
    double white_keys = 52;  ///< … and how many
    double top = -0.05;      ///< key_strip: its first row in depths of the keyboard …
    double bottom = 1.15;    ///< … and its end
  } picture;

  synth::camera camera;

  struct key_options {
    int lowest = 21;
    int highest = 108;
    keyboard::piano_sizes sizes;
    double white = 225;        ///< tone of the white keys
    double black = 28;         ///< tone of a black key's sides
    double black_top = 16;     ///< how much lighter its top is
    double black_slope = 30;   ///< how much lighter its sloping front is
    double black_body = 10;    ///< how much lighter its sides are below the level of the white keys
    double bed = 30;           ///< tone of what is seen in the gaps
    double wall = 0.4;         ///< tone of a white key's sides, of its top's
    double front = 0.8;        ///< tone of a white key's front, of its top's
    double gap = 0.8;          ///< between white keys, mm
    double foot = 13.7;        ///< width of a black key at the level of the white ones, mm
    double slope = 7;          ///< length of the sloping front of a black key, mm
    double white_travel = 10;  ///< how far the front edge goes down, mm
    double black_travel = 8;
    double variation = 0.01;  ///< standard deviation of the tone from key to key, relative
    double wear = 0;          ///< yellowed and worn tops, strength
    double texture = 0.006;   ///< grain of the tops, relative
    double dim = 0.05;        ///< how much darker a white top is when down
    double gloss = 0;         ///< tone of the light strip on black keys
    int blotches = 0;         ///< reflections on each black key, at most
  } keys;

  struct light_options {
    double red = 1, green = 1, blue = 1;  ///< strength of the light's colours
    double slope_x = 0.4;                 ///< millimetres that a shadow moves to the right for a millimetre of height
    double slope_y = 0.2;
    double second = 0;          ///< share of a second lamp, from the other side
    double key_shadow = 0.3;    ///< darkness of the shadows of black keys
    double step_shadow = 0.35;  ///< darkness of the shadow on a key that is down
    double gradient_x = 0;      ///< change of the light from middle to border, relative
    double gradient_y = 0;
    double glare = 0;                                                         ///< strength of a bright spot on the keys
    double glare_x = 611, glare_y = 70, glare_width = 120, glare_depth = 60;  ///< its place and size, mm
    double flicker = 0;                                                       ///< amplitude, relative
    double flicker_hz = 3;
    double drift = 0;       ///< slow changes, relative
    double big_shadow = 0;  ///< darkness of the shadow of a head that moves over the keys
  } light;

  struct hand_options {
    int count = 2;  ///< 0: none, 1: one plays all, 2
    double skin = 170;
    double size = 1;            ///< of the hand, relative
    double finger = 8.6;        ///< radius of a finger, mm
    double reach = 94;          ///< y of the resting finger tips, mm
    double spread = 1;          ///< how much further to the player thumb and little finger lie, relative
    double lift = 12;           ///< height of idle finger tips, mm
    double wander = 1;          ///< idle movements, relative
    double idle_touches = 0.5;  ///< a second and finger: lying down on keys without pressing
    double land_ms = 40;        ///< how long before the onset a finger lies on its key, in the mean
    double sleeve = -1;         ///< tone; −1: bare arms
    double shadow = 0.3;        ///< darkness of the hands' shadows
    double shadow_blur = 8;     ///< mm
    double nails = 0.12;        ///< how much lighter nails are
    double shading = 0.45;      ///< darkness of the edges of fingers
    double texture = 0.012;
    double reflection = 0;         ///< of the hands in glossy black keys
    bool enter_and_leave = false;  ///< hands come before their first note and go after the last
    double press_ms = 40;          ///< how long a key takes to go down, in the mean
    double release_ms = 60;
    double release_left = 0.5;  ///< share of the travel that a key is still down at the offset
  } hands;

  struct room_options {
    double fallboard = 30;  ///< tone of what stands behind the keys
    double fallboard_height = 60;
    double rail = 40;   ///< of the wood in front of the keys
    double block = 35;  ///< of the wood left and right of the keys
    double body = 45;   ///< of the instrument behind
    double floor = 90;
    double floor_pattern = 20;  ///< contrast of carpets and boards
    bool panel = false;         ///< knobs, buttons and a display behind the keys
    bool music = false;         ///< a book of music on its stand
    bool hammers = false;       ///< an open upright: hammers move behind the keys
    bool player = true;         ///< lap and shoulders
    bool second_keyboard = false;
  } room;

  /// A camera that does not stand still. Pixels are those of the picture, of a strip's for strips.
  struct motion_options {
    double shake = 0;      ///< vibration, amplitude in pixels
    double shake_hz = 6;   ///< its lowest frequency
    double drift = 0;      ///< pixels a second
    double turn = 0;       ///< degrees a second
    double bump_at = 0;    ///< the time of a bump, seconds
    double bump = 0;       ///< how far it moves the picture, pixels
    double bump_turn = 0;  ///< how far it turns the picture, degrees
  } motion;

  struct effect_options {
    double bars = 0;          ///< tone of falling-note bars above the keys; 0: none
    double bar_speed = 150;   ///< mm/s
    double edge = 0;          ///< where the bars end, mm in front of the keys' rear edge: laid over by eye
    double glow = 0;          ///< light that a bar throws on the rear end of its key
    double glow_width = 12;   ///< reach of that light along the keyboard, mm …
    double glow_depth = 35;   ///< … and towards the player
    double glow_fade = 0.2;   ///< seconds in which it dies down to what a held key keeps
    double shimmer = 0;       ///< its unrest, relative
    double tint = 0;          ///< share of the bar's tone that covers all of the key's top
    double sparks = 0;        ///< tone of what flies up while a key is held
    double smoke = 0;         ///< tone of clouds that rise there and drift over the neighbours
    double line = 0;          ///< tone of a line of light along the keys' rear edge
    double lag_ms = 0;        ///< how much later than the key all of this comes
    double unrelated = 0;     ///< share of the bars that belong to no note; as many notes have none
    bool over_hands = false;  ///< the light is laid over the picture, hands included
    bool title = false;       ///< writing laid over the picture
    bool inset = false;       ///< a picture laid over a corner
  } effects;

  struct sensor_options {
    double exposure_ms = 10;  ///< motion blur, centred on the frame's time
    int sub_frames = 2;       ///< pictures that are averaged for it
    double rolling_ms = 0;    ///< time from the first row to the last
    double focus = 0.4;       ///< blur, standard deviation in pixels
    double noise = 1.5;       ///< standard deviation in gray levels
    double noise_size = 1;    ///< of its grain, pixels; above 1 as left by compression
    int noise_hold = 1;       ///< frames for which the noise stays, as coders leave it where nothing moves
    double vignette = 0;      ///< loss of light in the corners
    double gain = 1;
    double gamma = 1;
    double veil = 0;          ///< stray light, gray levels
    double detail = 1;        ///< below 1: size of the picture that the sensor took, coded and then enlarged
    double rows = 1;          ///< that of its rows, relative to its columns'
    double blocks = 0;        ///< strength of 8×8 block transform coding
    double interlace = 0;     ///< share of the other field's time that remains in every second row
    double drop = 0;          ///< probability that a frame is missing
    double repeat = 0;        ///< probability that a frame shows what the one before it did
    double registration = 0;  ///< strips: error of the corners, standard deviation in pixels
  } sensor;
};

/// Calls `visit(name, value, lowest, highest)` with every number of the options: the one table of their ranges. `value`
/// is a reference to double, int or index_t.
template <class Options, class Visit>
void for_each_number(Options& o, Visit&& visit) {
  auto& p = o.picture;
  visit("picture.width", p.width, 16, 8192);
  visit("picture.height", p.height, 16, 8192);
  visit("picture.fps", p.fps, 1, 240);
  visit("picture.seconds", p.seconds, 0, 86400);
  visit("picture.first_white", p.first_white, -2, 51);
  visit("picture.white_keys", p.white_keys, 1, 56);
  visit("picture.top", p.top, -0.5, 0.9);
  visit("picture.bottom", p.bottom, 0.1, 1.5);
  auto& c = o.camera;
  visit("camera.eye.x", c.eye.x, -3000, 5000);
  visit("camera.eye.y", c.eye.y, -3000, 3000);
  visit("camera.eye.z", c.eye.z, 200, 6000);
  visit("camera.target.x", c.target.x, -2000, 4000);
  visit("camera.target.y", c.target.y, -2000, 2000);
  visit("camera.target.z", c.target.z, -1000, 200);
  visit("camera.roll", c.roll, -360, 360);
  visit("camera.focal", c.focal, 0.2, 8);
  visit("camera.lens", c.lens, -0.25, 0.25);
  auto& k = o.keys;
  visit("keys.lowest", k.lowest, 21, 108);
  visit("keys.highest", k.highest, 21, 108);
  visit("keys.white_pitch", k.sizes.white_pitch, 15, 30);
  visit("keys.depth", k.sizes.depth, 80, 180);
  visit("keys.black_width", k.sizes.black_width, 6, 14);
  visit("keys.black_length", k.sizes.black_length, 50, 120);
  visit("keys.black_height", k.sizes.black_height, 5, 20);
  visit("keys.white", k.white, 0, 255);
  visit("keys.black", k.black, 0, 255);
  visit("keys.black_top", k.black_top, -100, 100);
  visit("keys.black_slope", k.black_slope, -100, 150);
  visit("keys.black_body", k.black_body, -100, 200);
  visit("keys.bed", k.bed, 0, 255);
  visit("keys.wall", k.wall, 0, 1.2);
  visit("keys.front", k.front, 0, 1.2);
  visit("keys.gap", k.gap, 0, 3);
  visit("keys.foot", k.foot, 6, 16);
  visit("keys.slope", k.slope, 0, 30);
  visit("keys.white_travel", k.white_travel, 0, 14);
  visit("keys.black_travel", k.black_travel, 0, 12);
  visit("keys.variation", k.variation, 0, 0.1);
  visit("keys.wear", k.wear, 0, 1);
  visit("keys.texture", k.texture, 0, 0.1);
  visit("keys.dim", k.dim, 0, 0.4);
  visit("keys.gloss", k.gloss, 0, 255);
  visit("keys.blotches", k.blotches, 0, 4);
  auto& l = o.light;
  visit("light.red", l.red, 0, 2);
  visit("light.green", l.green, 0, 2);
  visit("light.blue", l.blue, 0, 2);
  visit("light.slope_x", l.slope_x, -2, 2);
  visit("light.slope_y", l.slope_y, -2, 2);
  visit("light.second", l.second, 0, 1);
  visit("light.key_shadow", l.key_shadow, 0, 1);
  visit("light.step_shadow", l.step_shadow, 0, 1);
  visit("light.gradient_x", l.gradient_x, -0.6, 0.6);
  visit("light.gradient_y", l.gradient_y, -0.6, 0.6);
  visit("light.glare", l.glare, 0, 2);
  visit("light.glare_x", l.glare_x, -500, 2000);
  visit("light.glare_y", l.glare_y, -300, 500);
  visit("light.glare_width", l.glare_width, 5, 1000);
  visit("light.glare_depth", l.glare_depth, 5, 1000);
  visit("light.flicker", l.flicker, 0, 0.3);
  visit("light.flicker_hz", l.flicker_hz, 0, 120);
  visit("light.drift", l.drift, 0, 0.3);
  visit("light.big_shadow", l.big_shadow, 0, 0.9);
  auto& h = o.hands;
  visit("hands.count", h.count, 0, 2);
  visit("hands.skin", h.skin, 0, 255);
  visit("hands.size", h.size, 0.6, 1.4);
  visit("hands.finger", h.finger, 5, 12);
  visit("hands.reach", h.reach, 40, 160);
  visit("hands.spread", h.spread, 0, 3);
  visit("hands.lift", h.lift, 0, 60);
  visit("hands.wander", h.wander, 0, 4);
  visit("hands.idle_touches", h.idle_touches, 0, 5);
  visit("hands.land_ms", h.land_ms, 0, 120);
  visit("hands.sleeve", h.sleeve, -1, 255);
  visit("hands.shadow", h.shadow, 0, 1);
  visit("hands.shadow_blur", h.shadow_blur, 0.5, 60);
  visit("hands.nails", h.nails, -0.3, 0.6);
  visit("hands.shading", h.shading, 0, 1);
  visit("hands.texture", h.texture, 0, 0.3);
  visit("hands.reflection", h.reflection, 0, 120);
  visit("hands.press_ms", h.press_ms, 5, 200);
  visit("hands.release_ms", h.release_ms, 5, 300);
  visit("hands.release_left", h.release_left, 0.2, 1);
  auto& r = o.room;
  visit("room.fallboard", r.fallboard, 0, 255);
  visit("room.fallboard_height", r.fallboard_height, 0, 300);
  visit("room.rail", r.rail, 0, 255);
  visit("room.block", r.block, 0, 255);
  visit("room.body", r.body, 0, 255);
  visit("room.floor", r.floor, 0, 255);
  visit("room.floor_pattern", r.floor_pattern, 0, 120);
  auto& m = o.motion;
  visit("motion.shake", m.shake, 0, 50);
  visit("motion.shake_hz", m.shake_hz, 0.1, 60);
  visit("motion.drift", m.drift, 0, 100);
  visit("motion.turn", m.turn, -5, 5);
  visit("motion.bump_at", m.bump_at, 0, 86400);
  visit("motion.bump", m.bump, 0, 1000);
  visit("motion.bump_turn", m.bump_turn, -45, 45);
  auto& e = o.effects;
  visit("effects.bars", e.bars, 0, 255);
  visit("effects.bar_speed", e.bar_speed, 20, 1000);
  visit("effects.edge", e.edge, -40, 40);
  visit("effects.glow", e.glow, 0, 255);
  visit("effects.glow_width", e.glow_width, 2, 200);
  visit("effects.glow_depth", e.glow_depth, 2, 200);
  visit("effects.glow_fade", e.glow_fade, 0.01, 5);
  visit("effects.shimmer", e.shimmer, 0, 1);
  visit("effects.tint", e.tint, 0, 1);
  visit("effects.sparks", e.sparks, 0, 255);
  visit("effects.smoke", e.smoke, 0, 255);
  visit("effects.line", e.line, 0, 255);
  visit("effects.lag_ms", e.lag_ms, -2000, 2000);
  visit("effects.unrelated", e.unrelated, 0, 1);
  auto& s = o.sensor;
  visit("sensor.exposure_ms", s.exposure_ms, 0, 100);
  visit("sensor.sub_frames", s.sub_frames, 1, 8);
  visit("sensor.rolling_ms", s.rolling_ms, 0, 50);
  visit("sensor.focus", s.focus, 0, 8);
  visit("sensor.noise", s.noise, 0, 40);
  visit("sensor.noise_size", s.noise_size, 1, 8);
  visit("sensor.noise_hold", s.noise_hold, 1, 1000);
  visit("sensor.vignette", s.vignette, 0, 1);
  visit("sensor.gain", s.gain, 0.02, 4);
  visit("sensor.gamma", s.gamma, 0.3, 3);
  visit("sensor.veil", s.veil, 0, 120);
  visit("sensor.detail", s.detail, 0.1, 1);
  visit("sensor.rows", s.rows, 0.25, 4);
  visit("sensor.blocks", s.blocks, 0, 60);
  visit("sensor.interlace", s.interlace, 0, 1);
  visit("sensor.drop", s.drop, 0, 0.5);
  visit("sensor.repeat", s.repeat, 0, 0.5);
  visit("sensor.registration", s.registration, 0, 20);
}

/// Throws `invalid_argument` with the option's name where a number is not finite or outside its range, where the range
/// of keys is none of a piano's, or where a strip ends before it begins.
inline void validate(const options& o) {
  for_each_number(o, [](const char* name, const auto& value, double low, double high) {
    const auto v = static_cast<double>(value);
    if (!(v >= low && v <= high)) {
      throw error(errc::invalid_argument, std::string("synth: ") + name + " is " + std::to_string(v) +
                                              ", a number from " + std::to_string(low) + " to " + std::to_string(high) +
                                              " was expected");
    }
  });
  if (o.picture.top >= o.picture.bottom) {
    throw error(errc::invalid_argument, "synth: picture.top must lie above picture.bottom");
  }
  static_cast<void>(keyboard::piano_layout(o.keys.lowest, o.keys.highest, o.keys.sizes));
}

}  // namespace vmt::inline VMT_ABI::synth
