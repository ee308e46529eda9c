// SPDX-License-Identifier: MIT
// Feeds text to the reader of split.csv. Parts that it accepts must be in order, and come back from their own text.

#include <vmt/train/split.hpp>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<vmt::train::clip_part> parts;
  try {
    parts = vmt::train::parse_split({reinterpret_cast<const char*>(data), size});
  } catch (const vmt::error&) {
    return 0;
  }
  std::string text = "clip,split,start,end\n";
  for (const vmt::train::clip_part& p : parts) {
    if (p.clip.empty() || !(p.start >= 0) || !(p.start < p.end)) std::abort();
    vmt::io::append_csv_field(text, p.clip);
    text += ',' + std::string(name(p.use)) + ',';
    vmt::io::append_number(text, p.start);
    text += ',';
    if (p.end < std::numeric_limits<double>::infinity()) vmt::io::append_number(text, p.end);
    text += '\n';
  }
  if (vmt::train::parse_split(text) != parts) std::abort();
  return 0;
}
