// SPDX-License-Identifier: MIT
// A frame source and a note sink of one's own: any callables do. Here the source draws a keyboard whose keys go dark
// one after another, and the sink prints notes the moment they are known, as a live program would play them.
//
//     custom_source_and_sink [WEIGHTS]      without weights the network is random, and so are its notes

#include <vmt/vmt.hpp>

#include <cstdio>

namespace {

/// A frame source: fills in the next frame and returns true, or returns false at the end. The same frame comes again
/// and again, so its memory is used again.
class drawn_scale {
 public:
  bool operator()(vmt::frame& f) {
    constexpr vmt::index_t all = 100;  // four seconds
    if (count_ == all) return false;
    f.resize(800, 145);
    std::fill(f.pixels.begin(), f.pixels.end(), std::uint8_t{220});
    const vmt::index_t white = 14 + count_ / 12;  // a new white key every 12 frames
    if (count_ % 12 < 8) {
      for (vmt::index_t y = 40; y < f.height; ++y)
        std::fill_n(f.row(y) + white * 800 / 52, 800 / 52, std::uint8_t{120});
    }
    f.number = count_;
    f.time = static_cast<double>(count_++) / 25.0;
    f.damaged = false;
    return true;
  }

 private:
  vmt::index_t count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    vmt::onset_net<float> net({.variant = vmt::onset_variant::aggregation, .width = 4});
    vmt::nn::initialise<float>(net, 1);
    if (argc > 1) net = vmt::load_onset_net<float>(argv[1]);
    vmt::cpu_context context;
    vmt::onset_engine engine(context, net);

    // Frame by frame, as from a camera. `immediate`: each note comes as soon as its onset is sure, with a fixed length.
    vmt::transcribe::peak_options peaks;
    peaks.threshold = argc > 1 ? 0.4 : 0.55;
    peaks.immediate = true;
    vmt::transcribe::transcriber transcriber(context, engine, vmt::transcribe::peak_decoder(engine.keys(), 21, peaks));
    double now = 0;
    vmt::index_t count = 0;
    const auto sink = [&](const vmt::note& n) {
      if (count++ < 10)
        std::printf("at %.2f s: key %d was struck at %.3f s (%.2f)\n", now, n.pitch, n.onset, n.confidence);
    };
    drawn_scale source;
    for (vmt::frame f; source(f);) {
      now = f.time;
      transcriber.push(f, sink);
    }
    transcriber.finish(sink);
    std::printf("%td frames, %td notes\n", transcriber.result().frames, count);
    return transcriber.result().frames == 100 ? 0 : 1;
  } catch (const vmt::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
