// SPDX-License-Identifier: MIT
#include <vmt/synth/exercises.hpp>
#include <vmt/synth/hands.hpp>

#include <doctest/doctest.h>

#include <set>

using vmt::note;
using vmt::synth::fingering;
using vmt::synth::hand_motion;
using vmt::synth::key_action;

namespace {

const auto piano = vmt::keyboard::piano_layout();

struct played {
  std::vector<note> notes;
  std::vector<vmt::synth::hand_part> hands;
};

played finger(std::vector<note> notes, int hands, std::uint64_t seed) {
  played p{std::move(notes), {}};
  fingering plan(p.notes, piano, hands, 1, seed);
  p.hands = plan.hands();
  return p;
}

}  // namespace

TEST_CASE("every note that is played has one finger, and no finger is on two keys at once") {
  for (const auto name : vmt::synth::exercise_names) {
    for (const int count : {1, 2}) {
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(name);
        CAPTURE(seed);
        const auto wanted = vmt::synth::exercise(name, seed, 20);
        const played p = finger(wanted, count, seed);
        CHECK(p.notes.size() <= wanted.size());
        if (count == 2) CHECK(p.notes.size() * 10 >= wanted.size() * 9);
        std::multiset<vmt::index_t> fingered;
        for (const auto& hand : p.hands) {
          for (const auto& f : hand.fingers) {
            for (std::size_t i = 0; i < f.size(); ++i) {
              fingered.insert(f[i].note);
              const note& n = p.notes[static_cast<std::size_t>(f[i].note)];
              CHECK(n.pitch == f[i].pitch);
              CHECK(n.onset == f[i].onset);
              CHECK(n.offset == f[i].offset);
              if (i > 0) CHECK(f[i - 1].offset <= f[i].onset);
            }
          }
        }
        CHECK(fingered.size() == p.notes.size());
        CHECK(std::set<vmt::index_t>(fingered.begin(), fingered.end()).size() == p.notes.size());
      }
    }
  }
}

TEST_CASE("a chord keeps the order of the fingers: the thumb of the right hand is lowest, of the left highest") {
  const played p = finger({{1, 2, 36}, {1, 2, 43}, {1, 2, 48}, {1, 2, 60}, {1, 2, 64}, {1, 2, 67}}, 2, 3);
  CHECK(p.notes.size() == 6);
  for (const auto& hand : p.hands) {
    int last = hand.side > 0 ? 0 : 200;
    int keys = 0;
    for (const auto& f : hand.fingers) {
      if (f.empty()) continue;
      ++keys;
      CHECK((f[0].pitch - last) * hand.side > 0);
      last = f[0].pitch;
    }
    CHECK(keys == 3);
  }
}

TEST_CASE("what no hand can span is left out, and no hand has more than five notes at once") {
  std::vector<note> notes;
  for (int pitch = 21; pitch <= 108; pitch += 3) notes.push_back({1, 2, pitch});
  const played p = finger(notes, 2, 1);
  CHECK(p.notes.size() >= 4);
  CHECK(p.notes.size() <= 10);
  const played none = finger(notes, 0, 1);
  CHECK(none.notes.size() == notes.size());  // keys that move by themselves
}

TEST_CASE("at each onset the finger is on its key, and it has landed before, by at most 80 ms and a little") {
  vmt::synth::options o;
  o.hands.wander = 1.5;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    played p = finger(vmt::synth::exercise("mixed", seed, 25), 2, seed);
    const key_action action(p.notes, 40, 60, seed);
    int index = 0;
    for (auto& part : p.hands) {
      const hand_motion hand(part, o, piano, action, seed, ++index);
      int count = 0;
      for (std::size_t f = 0; f < 5; ++f) {
        for (const auto& t : part.fingers[f]) {
          const auto& key = piano.keys[static_cast<std::size_t>(t.pitch - 21)];
          for (const double at : {t.onset, (t.onset + t.offset) / 2}) {
            const auto tip = hand(at).fingers[f][0];
            CHECK(std::abs(tip.x - key.centre()) < 11.8);
            CHECK(tip.y > 20);
            CHECK(tip.y < key.front);
            // The pad of the finger, 0.75 radii below the bone, is on the top of the key.
            CHECK(tip.z - 6 < key.height + 0.1);
            CHECK(tip.z - 6 > key.height - 11);
          }
          ++count;
        }
      }
      CHECK(count > 20);
    }
  }
}

TEST_CASE("hands move without jumps") {
  vmt::synth::options o;
  played p = finger(vmt::synth::exercise("hanon", 5, 10), 2, 5);
  const key_action action(p.notes, 40, 60, 5);
  int index = 0;
  for (auto& part : p.hands) {
    const hand_motion hand(part, o, piano, action, 5, ++index);
    for (double t = 0; t < 10; t += 0.005) {
      const auto a = hand(t), b = hand(t + 0.001);
      for (std::size_t f = 0; f < 5; ++f) {
        const auto step = b.fingers[f][0] - a.fingers[f][0];
        CHECK(std::sqrt(vmt::synth::dot(step, step)) < 6);  // below 6 m/s
      }
    }
  }
}

TEST_CASE("hands that enter and leave are away before the first note and after the last") {
  vmt::synth::options o;
  o.hands.enter_and_leave = true;
  played p = finger({{5, 5.5, 60}, {6, 6.5, 64}}, 1, 2);
  const key_action action(p.notes, 40, 60, 2);
  const hand_motion hand(p.hands[0], o, piano, action, 2, 1);
  CHECK_FALSE(hand(1).present);
  CHECK(hand(5.5).present);
  CHECK(hand(5.5).wrist.y < hand(4.2).wrist.y);
  CHECK_FALSE(hand(9).present);
}

TEST_CASE("hands rest, touch keys without pressing, and every moment stands for itself") {
  vmt::synth::options o;
  o.hands.idle_touches = 3;
  played p = finger(vmt::synth::exercise("chords", 8, 12), 2, 8);
  const key_action action(p.notes, 40, 60, 8);
  const hand_motion a(p.hands[1], o, piano, action, 8, 2), b(p.hands[1], o, piano, action, 8, 2);
  static_cast<void>(b(11.0));
  int low = 0;
  for (double t = 0; t < 12; t += 0.02) {
    const auto x = a(t), y = b(t);
    CHECK(x.fingers[2][0].x == y.fingers[2][0].x);
    bool playing = false;
    for (const auto& touch : p.hands[1].fingers[2])
      playing = playing || (t > touch.onset - 0.4 && t < touch.offset + 0.4);
    low += !playing && x.fingers[2][0].z < 8 ? 1 : 0;
  }
  CHECK(low > 0);
}
