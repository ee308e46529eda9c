// SPDX-License-Identifier: MIT
// Feeds text to the keyboard reader. What it accepts must be sound, come through the writer and the reader again
// without a change, and straighten a frame of its own size or be refused with a sentence.

#include <vmt/keyboard/keyboard_file.hpp>
#include <vmt/keyboard/straighten.hpp>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmt::keyboard::keyboard k;
  try {
    k = vmt::keyboard::parse_keyboard({reinterpret_cast<const char*>(data), size});
  } catch (const vmt::error& e) {
    require(std::string_view(e.what()).size() > 10);
    return 0;
  }
  const std::string text = vmt::keyboard::to_json(k);
  require(vmt::keyboard::to_json(vmt::keyboard::parse_keyboard(text)) == text);
  if (k.image_width * k.image_height > 1 << 22) return 0;
  vmt::frame picture;
  picture.resize(k.image_width, k.image_height);
  for (auto& v : picture.pixels) v = 99;
  try {
    const vmt::keyboard::straightener straighten(k, k.image_width, k.image_height, 52, 9);
    vmt::frame strip;
    straighten(picture, strip);
    for (const auto v : strip.pixels) require(v == 0 || v == 99);
  } catch (const vmt::error& e) {
    require(std::string_view(e.what()).find("lens") != std::string_view::npos);
  }
  return 0;
}
