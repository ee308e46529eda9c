// SPDX-License-Identifier: MIT
// The foreign program has its own stb_image too; neither disturbs the other.
#define STB_IMAGE_IMPLEMENTATION
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#else
#include <stb_image.h>
#endif

#include <vmt/media/stb.hpp>

#include <array>

bool refuses_rubbish();
bool refuses_rubbish() {
  const std::array<unsigned char, 4> rubbish{1, 2, 3, 4};
  int width = 0, height = 0, channels = 0;
  if (stbi_load_from_memory(rubbish.data(), 4, &width, &height, &channels, 0) != nullptr) return false;
  vmt::frame picture;
  try {
    vmt::media::stb_decoder{}(std::as_bytes(std::span(rubbish)), picture);
  } catch (const vmt::error&) {
    return true;
  }
  return false;
}
