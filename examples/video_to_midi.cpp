// SPDX-License-Identifier: MIT
// A video of any piano under any camera to a MIDI file, through the library alone.
//
//     video_to_midi models/key_net.safetensors VIDEO OUT.mid

#include <vmt/vmt.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s WEIGHTS VIDEO OUT.mid\n", argv[0]);
    return 2;
  }
  try {
    const vmt::key_net<float> net = vmt::load_key_net<float>(argv[1]);
    vmt::cpu_context context;  // one thread for each processor

    const auto found = vmt::keyboard::find_keyboard(vmt::media::ffmpeg(argv[2]));
    if (!found) {
      std::fprintf(stderr, "%s: %s\n", argv[2], found.refusal.c_str());
      return 1;
    }
    const vmt::keyboard::keyboard& where = found.where();
    std::fprintf(stderr, "keys %d to %d, score %.2f\n", where.lowest_key, where.highest_key, where.score);

    vmt::media::ffmpeg video(argv[2]);
    vmt::transcribe::midi_sink midi(argv[3]);
    vmt::transcribe::transcribe_options options;
    options.keyboard = where;
    options.on_progress = [](vmt::index_t done, vmt::index_t) {
      if (done % 100 == 0) std::fprintf(stderr, "%td frames\n", done);
    };
    const auto result = vmt::transcribe::transcribe(context, net, video, midi, options);
    midi.commit();  // the file appears now, whole
    std::printf("%td notes in %td frames: %s\n", result.notes, result.frames, argv[3]);
  } catch (const vmt::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
