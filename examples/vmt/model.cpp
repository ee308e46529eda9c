// SPDX-License-Identifier: MIT
#include "model.hpp"

#include "paths.hpp"

// The released weights lie beside include/, where the compiler and the assembler find them by the include path.
#if defined(__ELF__) && __has_include("../models/onset_net.safetensors")
asm(R"(.pushsection .rodata
.balign 64
vmt_tool_weights_begin:
.incbin "../models/onset_net.safetensors"
vmt_tool_weights_end:
.byte 0
.popsection)");
extern "C" {
extern const std::byte vmt_tool_weights_begin[];
extern const std::byte vmt_tool_weights_end[];
}
#define VMT_TOOL_HAS_WEIGHTS 1
#else
#define VMT_TOOL_HAS_WEIGHTS 0
#endif

namespace tool {

std::span<const std::byte> released_weights() noexcept {
#if VMT_TOOL_HAS_WEIGHTS
  return {vmt_tool_weights_begin, vmt_tool_weights_end};
#else
  return {};
#endif
}

vmt::onset_net<float> load_model(const std::filesystem::path& path) {
  if (!path.empty()) {
    return read_input(path, [](const std::filesystem::path& p) { return vmt::load_onset_net<float>(p); });
  }
  const std::span<const std::byte> bytes = released_weights();
  if (bytes.empty()) {
    throw vmt::error(vmt::errc::invalid_argument,
                     "this program was built without weights; give a weights file with --model");
  }
  return vmt::onset_net_of<float>(vmt::io::tensor_file::parse(bytes), "the released weights");
}

}  // namespace tool
