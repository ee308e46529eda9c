// SPDX-License-Identifier: MIT
// Writes a report for tools/check_report.py to open.
//
//   vmt-transcribe-report OUT.html          synthetic music of two minutes against a reference
//   vmt-transcribe-report OUT.html --plain  without a reference, with hostile text
//   vmt-transcribe-report OUT.html --empty  nothing at all
#include <vmt/core/rng.hpp>
#include <vmt/eval/match.hpp>
#include <vmt/eval/scores.hpp>
#include <vmt/keyboard/keyboard.hpp>
#include <vmt/transcribe/peak_decoder.hpp>
#include <vmt/transcribe/report.hpp>

#include <iostream>

namespace {

using vmt::note;

/// Broken chords that wander over the keyboard, both hands.
std::vector<note> music(vmt::rng& random) {
  std::vector<note> notes;
  for (int bar = 0; bar < 60; ++bar) {
    const int root = 48 + static_cast<int>(random.below(8));
    for (int i = 0; i < 8; ++i) {
      const double t = 1 + 2 * bar + 0.25 * i + random.uniform(-0.01, 0.01);
      const int chord[] = {0, 4, 7, 12, 16, 12, 7, 4};
      notes.push_back({t, t + 0.3, root + chord[i] + 12, 80, 1});
      if (i % 4 == 0) notes.push_back({t + 0.005, t + 0.9, root - 12 + (i == 4 ? 7 : 0), 80, 1});
    }
  }
  std::sort(notes.begin(), notes.end());
  return notes;
}

/// A drawing of the keyboard, pressed keys darker.
vmt::frame strip(const std::vector<note>& notes, double time) {
  vmt::frame f;
  f.resize(800, 145);
  f.time = time;
  std::vector<bool> down(128);
  for (const note& n : notes)
    down[static_cast<std::size_t>(n.pitch)] =
        down[static_cast<std::size_t>(n.pitch)] || (n.onset <= time && time < n.offset);
  for (int y = 0; y < 145; ++y) {
    for (int x = 0; x < 800; ++x) {
      int below = 0;
      int gray = 60;
      for (int p = 21; p <= 108; ++p) {
        const bool white = vmt::keyboard::is_white(p);
        const double centre = 800.0 / 52 * (below + (white ? 0.5 : 0.0));
        below += white ? 1 : 0;
        const double reach = white ? 7.2 : 4.5;
        if (std::abs(x + 0.5 - centre) > reach || (!white && y > 95)) continue;
        const bool pressed = down[static_cast<std::size_t>(p)];
        if (white && gray == 60) gray = (pressed ? 190 : 235) - y / 8;
        if (!white) gray = pressed ? 20 : 40;
      }
      f.pixels[static_cast<std::size_t>(y * 800 + x)] = static_cast<std::uint8_t>(gray);
    }
  }
  return f;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: vmt-transcribe-report OUT.html [--plain|--empty]\n";
    return 2;
  }
  const std::string mode = argc > 2 ? argv[2] : "";
  vmt::transcribe::report_options options;
  options.title = mode == "--plain" ? "<script>alert('x')</script> & \"quotes\" \xC3\xA4.mp4" : "broken chords.mp4";
  vmt::transcribe::report_builder report(options);
  if (mode != "--empty") {
    vmt::rng random(11);
    const std::vector<note> reference = music(random);
    std::vector<double> heard;  // what the "network" sees: some notes not, some elsewhere
    std::vector<note> seen;
    for (note n : reference) {
      if (random.below(14) == 0) continue;
      if (random.below(20) == 0) n.pitch += 1;
      n.confidence = random.uniform(0.5, 1);
      seen.push_back(n);
    }
    vmt::transcribe::peak_decoder decoder(88);
    std::vector<note> found;
    const auto sink = [&](const note& n) {
      found.push_back(n);
      report(n);
    };
    std::vector<float> p(88);
    for (int i = 0; i < 25 * 122; ++i) {
      const double t = i / 25.0 + random.uniform(-0.004, 0.004);
      if (t > 40 && t < 41.5) continue;  // a gap
      for (float& v : p) v = static_cast<float>(0.06 * random.uniform() * random.uniform());
      for (const note& n : seen) {
        const double d = t - n.onset;
        if (std::abs(d) > 0.2) continue;
        float& v = p[static_cast<std::size_t>(n.pitch - 21)];
        v = std::max(v, static_cast<float>(n.confidence * std::exp(-d * d / (2 * 0.03 * 0.03))));
      }
      if (i % 25 == 1) report.strip(strip(reference, t));
      report.probabilities(t, p);
      decoder.push(t, p, sink);
    }
    decoder.finish(sink);
    report.fact("Input", options.title);
    report.fact("Model", "a simulated network, 88 keys");
    report.fact("Decoder", "peaks, threshold 0.4, refractory time 70 ms");
    report.fact("Frames", "3 012, of them 0 damaged, 1 gap");
    if (mode == "--plain") {
      report.fact("</td></tr></table><img src=x onerror=alert(1)>", "line\nbreak & </script>");
    } else {
      for (const double tolerance : {0.05, 0.1}) {
        vmt::eval::note_options rule;
        rule.onset_tolerance = tolerance;
        const auto matches = vmt::eval::match_notes(reference, found, rule);
        if (tolerance == 0.05) report.reference(reference, matches);
        const vmt::eval::score s = vmt::eval::note_scores(reference, found, rule);
        report.score(tolerance == 0.05 ? "onset ± 50 ms" : "onset ± 100 ms", s.precision, s.recall, s.f1);
      }
    }
  }
  report.save(argv[1]);
}
