// SPDX-License-Identifier: MIT
// A folder of frames to a MIDI file, the network on a CUDA device. Beside frames_to_midi.cpp two types changed.
//
//     cuda_transcribe models/onset_net.safetensors FRAMES FPS OUT.mid [f32|tf32|bf16]
//
// The frames are straightened strips of 800x145 pixels: A0 at the left, the player at the bottom. Built where the
// option VMT_ENABLE_CUDA is on, or by hand:
//
//     nvcc -std=c++20 -O2 -arch=native -I include -I /usr/include/eigen3 cuda_transcribe.cu stb.o -lcublas

#include <vmt/backend/cuda/cuda.cuh>
#include <vmt/engine/gpu_onset_engine.hpp>
#include <vmt/media/frame_folder.hpp>
#include <vmt/media/stb.hpp>
#include <vmt/model/weights.hpp>
#include <vmt/transcribe/sink.hpp>
#include <vmt/transcribe/transcriber.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::fprintf(stderr, "usage: %s WEIGHTS FRAMES FPS OUT.mid [f32|tf32|bf16]\n", argv[0]);
    return 2;
  }
  try {
    const std::string arithmetic = argc == 6 ? argv[5] : "tf32";
    vmt::gpu_options device;
    for (const auto p : {vmt::gpu::precision::f32, vmt::gpu::precision::tf32, vmt::gpu::precision::bf16}) {
      if (arithmetic == name(p)) device.precision = p;
    }
    const vmt::onset_net<float> net = vmt::load_onset_net<float>(argv[1]);
    vmt::cuda_context context(device);
    vmt::gpu_onset_engine<vmt::cuda_runtime> engine(context, net);

    vmt::media::frame_folder frames(argv[2], {.fps = std::atof(argv[3])}, vmt::media::stb_decoder{});
    vmt::transcribe::midi_sink midi(argv[4]);

    vmt::transcribe::transcribe_options options;
    options.decoder = vmt::transcribe::peak_options{};
    options.total_frames = frames.size();
    const auto result = vmt::transcribe::transcribe(context, engine, frames, midi, options);
    midi.commit();  // the file appears now, whole
    std::printf("%td notes in %td frames: %s\n", result.notes, result.frames, argv[4]);
  } catch (const vmt::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
