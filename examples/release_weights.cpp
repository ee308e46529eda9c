// SPDX-License-Identifier: MIT
// Makes a small weights file of a trained one: half precision, with metadata of your own.
//
//   release_weights RUN/last.safetensors models/onset_net.safetensors threshold.peaks=0.9 "data=our piano, 2026"
//
// `vmt transcribe` takes its threshold from the metadata `threshold.peaks` and `threshold.paper`. The file keeps a small
// input and the logits that it gives, so loading notices a file that was changed.
#include <vmt/model/weights.hpp>

#include <cstdio>
#include <filesystem>
#include <string>

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: release_weights IN.safetensors OUT.safetensors [KEY=TEXT …]\n");
    return 2;
  }
  const vmt::onset_net<float> net = vmt::load_onset_net<float>(argv[1]);
  vmt::save_options options{.type = vmt::io::dtype::f16};
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::fprintf(stderr, "'%s' is not of the form KEY=TEXT\n", argv[i]);
      return 2;
    }
    options.metadata[word.substr(0, equals)] = word.substr(equals + 1);
  }
  vmt::save_weights(net, argv[2], options);
  std::printf("%s: %td parameters in %ju bytes\n", argv[2], net.parameters().size(),
              static_cast<std::uintmax_t>(std::filesystem::file_size(argv[2])));
} catch (const vmt::error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 65;
}
