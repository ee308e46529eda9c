// SPDX-License-Identifier: MIT
// Makes a small weights file of a trained one: half precision, with metadata of your own.
//
//   release_weights RUN/last.safetensors models/key_net.safetensors threshold.notes=0.5 "data=our piano, 2026"
//
// `vmt transcribe` takes its threshold from the metadata: `threshold.notes` for a key_net, with `gate.notes` (how surely
// a key must be held for an onset to count), `confidence.scale` and `confidence.shift`; `threshold.peaks` and
// `threshold.paper` for an onset_net. The file keeps a small input and what the network makes of it, so loading notices
// a file that was changed.
#include <vmt/model/key_weights.hpp>
#include <vmt/model/weights.hpp>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

template <class Net>
void save(const Net& net, const char* path, const vmt::save_options& options) {
  vmt::save_weights(net, path, options);
  std::printf("%s: %td parameters in %ju bytes\n", path, net.parameters().size(),
              static_cast<std::uintmax_t>(std::filesystem::file_size(path)));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: release_weights IN.safetensors OUT.safetensors [KEY=TEXT …]\n");
    return 2;
  }
  const vmt::io::tensor_file file = vmt::io::tensor_file::load(argv[1]);
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
  if (vmt::model_name_of(file) == "key_net") {
    save(vmt::key_net_of<float>(file, argv[1]), argv[2], options);
  } else {
    save(vmt::onset_net_of<float>(file, argv[1]), argv[2], options);
  }
} catch (const vmt::error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 65;
}
