// SPDX-License-Identifier: MIT
// soak [FRAMES]: transcribes FRAMES (100,000) frames of a moving picture with a small network and prints, every tenth
// of the way, the frames, the notes, the resident memory and the allocations since the first hundred frames. Exit
// status 1 if there was an allocation, or if the memory grew by more than a MiB after the first tenth.
#include <vmt/engine/onset_engine.hpp>
#include <vmt/nn/init.hpp>
#include <vmt/transcribe/transcriber.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "support/count_allocations.hpp"

namespace {

long resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const vmt::index_t frames = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 100'000;
  vmt::cpu_context ctx;
  vmt::onset_net<float> net({.width = 2});
  vmt::nn::initialise<float>(net, 1);
  vmt::onset_engine engine(ctx, net);
  vmt::transcribe::transcriber transcriber(ctx, engine,
                                           vmt::transcribe::peak_decoder(engine.keys(), 21, {.threshold = 0.5}));
  vmt::index_t notes = 0;
  const auto sink = [&notes](const vmt::note&) { ++notes; };

  vmt::frame picture;
  picture.resize(800, 145);
  long allocations = 0;
  long memory = 0;
  bool good = true;
  for (vmt::index_t i = 0; i < frames; ++i) {
    // Two bright bars that wander over a noisy ground: the probabilities go up and down.
    vmt::rng random(7, static_cast<std::uint32_t>(i));
    for (vmt::index_t y = 0; y < 145; ++y)
      for (vmt::index_t x = 0; x < 800; ++x) {
        const bool bar = (x + 3 * i) % 400 < 20 && y > (i * 7) % 100;
        picture.pixels[static_cast<std::size_t>(y * 800 + x)] =
            static_cast<std::uint8_t>(bar ? 230 : 90 + (x * y + i) % 23);
      }
    picture.pixels[static_cast<std::size_t>(random.below(800 * 145))] = 255;
    picture.time = static_cast<double>(i) * 0.04;
    picture.number = i;
    transcriber.push(picture, sink);
    if (i == 100) allocations = vmt_test::allocations().load();
    if ((i + 1) % (frames / 10) == 0) {
      const long grown = vmt_test::allocations().load() - allocations;
      const long now = resident_kib();
      if (memory == 0) memory = now;
      std::printf("%td frames, %td notes, %ld KiB resident, %ld allocations\n", i + 1, notes, now, grown);
      std::fflush(stdout);
      good = good && (i <= 100 || grown == 0) && now - memory <= 1024;
      allocations = vmt_test::allocations().load();  // what the report itself allocated does not count
    }
  }
  transcriber.finish(sink);
  return good ? 0 : 1;
}
