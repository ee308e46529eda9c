// SPDX-License-Identifier: MIT
#include "model.hpp"

#include "paths.hpp"

#include <vmt/io/number.hpp>

// The released weights lie beside include/, where the compiler and the assembler find them by the include path.
#if defined(__ELF__) && __has_include("../models/key_net.safetensors")
asm(R"(.pushsection .rodata
.balign 64
vmt_tool_weights_begin:
.incbin "../models/key_net.safetensors"
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
namespace {

/// The released weights as they lie in the program; empty where it was built without.
std::span<const std::byte> released_weights() noexcept {
#if VMT_TOOL_HAS_WEIGHTS
  return {vmt_tool_weights_begin, vmt_tool_weights_end};
#else
  return {};
#endif
}

model model_of(const vmt::io::tensor_file& file, const std::string& where) {
  if (vmt::model_name_of(file) == "key_net") return {vmt::key_net_of<float>(file, where), file.metadata};
  return {vmt::onset_net_of<float>(file, where), file.metadata};
}

/// What `make(file, where)` makes of a weights file; an empty path means the released one.
template <class Make>
auto from_weights(const std::filesystem::path& path, Make make) {
  if (!path.empty()) {
    return read_input(path, [&](const std::filesystem::path& p) {
      return make(vmt::io::tensor_file::load(p), "'" + p.string() + "'");
    });
  }
  const std::span<const std::byte> bytes = released_weights();
  if (bytes.empty()) {
    throw vmt::error(vmt::errc::invalid_argument,
                     "this program was built without weights; give a weights file with --model");
  }
  return make(vmt::io::tensor_file::parse(bytes), "the released weights");
}

}  // namespace

double model::number(const std::string& name, double otherwise, double low, double high) const {
  const auto found = metadata.find(name);
  if (found == metadata.end()) return otherwise;
  const auto value = vmt::io::parse_double(found->second);
  if (value && *value >= low && *value <= high) return *value;
  std::string range;
  vmt::io::append_number(range, low);
  vmt::io::append_number(range += " to ", high);
  throw vmt::error(vmt::errc::bad_format, "the metadata " + name + " of the weights is '" + found->second +
                                              "', a number from " + range + " was expected");
}

model load_model(const std::filesystem::path& path) {
  return from_weights(path, model_of);
}

vmt::onset_net<float> load_onset_net(const std::filesystem::path& path) {
  return from_weights(path, [](const vmt::io::tensor_file& file, const std::string& where) {
    return vmt::onset_net_of<float>(file, where);
  });
}

}  // namespace tool
