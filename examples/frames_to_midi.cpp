// SPDX-License-Identifier: MIT
// A folder of frames to a MIDI file, through the library alone.
//
//     frames_to_midi models/onset_net.safetensors FRAMES FPS OUT.mid
//
// The frames are straightened strips of 800x145 pixels: A0 at the left, the player at the bottom.

#include <vmt/media/stb.hpp>
#include <vmt/vmt.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s WEIGHTS FRAMES FPS OUT.mid\n", argv[0]);
    return 2;
  }
  try {
    const vmt::onset_net<float> net = vmt::load_onset_net<float>(argv[1]);
    vmt::cpu_context context;  // one thread for each processor
    vmt::onset_engine engine(context, net);

    vmt::media::frame_folder frames(argv[2], {.fps = std::atof(argv[3])}, vmt::media::stb_decoder{});
    vmt::transcribe::midi_sink midi(argv[4]);

    vmt::transcribe::transcribe_options options;
    options.decoder = vmt::transcribe::peak_options{};
    options.total_frames = frames.size();
    options.on_progress = [](vmt::index_t done, vmt::index_t total) {
      if (done % 100 == 0) std::fprintf(stderr, "%td of %td frames\n", done, total);
    };
    const auto result = vmt::transcribe::transcribe(context, engine, frames, midi, options);
    midi.commit();  // the file appears now, whole
    std::printf("%td notes in %td frames: %s\n", result.notes, result.frames, argv[4]);
  } catch (const vmt::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
