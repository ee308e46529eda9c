// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// PNG and JPEG by stb_image (opt-in: not part of <vmt/vmt.hpp>). Every translation unit may include this header;
/// exactly one defines VMT_STB_IMPLEMENTATION before it and needs stb_image.h (≥ 2.27) on the include path. stb's
/// functions get internal linkage there, so a program that has its own stb_image keeps it.

#include <vmt/media/image.hpp>

#include <memory>  // the decoder's memory
#include <vector>  // filled palette

namespace vmt::inline VMT_ABI::media {

namespace detail {
// C linkage: one symbol for all translation units, whatever instruction set they are compiled for.
extern "C" {
/// Decodes to `channels` (in: 0 = as the file has them) interleaved 8-bit channels; null when the data are damaged, and
/// then `reason` says why. Release with `vmt_stb_free`.
unsigned char* vmt_stb_decode(const unsigned char* bytes, int size, int* width, int* height, int* channels,
                              const char** reason);
void vmt_stb_free(unsigned char* pixels);
}
struct stb_deleter {
  void operator()(unsigned char* pixels) const { vmt_stb_free(pixels); }
};

/// A checked PNG file whose palette is filled up to 256 colours with black, as libpng reads it; empty where it has no
/// palette or a full one. stb would give pixels beyond a short palette the colour of whatever lay in memory. Checksums
/// are not made right again: stb does not look at them.
inline std::vector<std::byte> fill_palette(std::span<const std::byte> png) {
  constexpr std::uint32_t palette = 0x504C5445;  // PLTE
  constexpr std::uint32_t data = 0x49444154;     // IDAT
  for (std::size_t at = 8;;) {
    const std::size_t length = big_endian_32(png, at);
    const std::uint32_t type = big_endian_32(png, at + 4);
    if (type == data || (type == palette && length >= 768)) return {};
    if (type == palette) {
      std::vector<std::byte> filled(png.begin(), png.end());
      filled.insert(filled.begin() + static_cast<std::ptrdiff_t>(at + 8 + length), 768 - length, std::byte{0});
      filled[at + 2] = std::byte{768 >> 8};
      filled[at + 3] = std::byte{768 & 0xFF};
      return filled;
    }
    at += 12 + length;
  }
}
}  // namespace detail

/// Decodes PNG (all kinds, 16 bits to 8) and JPEG (baseline, progressive) by stb_image, PNM by our own reader.
/// Gray: PNG colours by `gray_of`, alpha ignored; JPEG gives its luma plane as it is stored (BT.601 by JFIF).
/// `check_image` runs first; widths and heights above 8192 are refused whatever the limits say.
/// Throws `bad_format`, `unsupported`, `limit_exceeded`; the frame is then unchanged.
struct stb_decoder {
  image_limits limits = {};

  void operator()(std::span<const std::byte> file, frame& out) const {
    const image_info info = check_image(file, limits);
    if (info.kind == image_kind::pnm) return decode_pnm(file, out, limits);
    int width = 0;
    int height = 0;
    int channels = info.kind == image_kind::jpeg ? 1 : 0;
    if (file.size() > std::size_t{0x7FFFFFFF}) throw error(errc::limit_exceeded, "the image file is larger than 2 GiB");
    std::vector<std::byte> filled;
    if (info.kind == image_kind::png) filled = detail::fill_palette(file);
    if (!filled.empty()) file = filled;
    const char* reason = nullptr;
    const std::unique_ptr<unsigned char, detail::stb_deleter> decoded(
        detail::vmt_stb_decode(reinterpret_cast<const unsigned char*>(file.data()), static_cast<int>(file.size()),
                               &width, &height, &channels, &reason));
    if (!decoded || width != info.width || height != info.height) {
      detail::damaged_image(info.kind, reason != nullptr ? reason : "its header and its data disagree");
    }
    out.resize(info.width, info.height);
    const unsigned char* in = decoded.get();
    for (std::uint8_t& gray : out.pixels) {
      gray = channels >= 3 ? gray_of(in[0], in[1], in[2]) : in[0];
      in += channels;
    }
  }
};

}  // namespace vmt::inline VMT_ABI::media

#if defined(VMT_STB_IMPLEMENTATION)
#if defined(STBI_INCLUDE_STB_IMAGE_H)
#error "VMT_STB_IMPLEMENTATION: this translation unit has included stb_image.h already; choose another one"
#endif

#include <cstdlib>  // calloc

// What stb warns about is not the user's affair.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#if defined(__clang__)
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Weverything"
#else
#pragma GCC diagnostic ignored "-Wcast-align"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#pragma GCC diagnostic ignored "-Wduplicated-branches"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#pragma GCC diagnostic ignored "-Wnull-dereference"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif
#endif

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_FAILURE_STRINGS
#define STBI_MAX_DIMENSIONS 8192
// Zeroed memory: parts of a picture that its data never reach are black, not what lay there before.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(memory, size) std::realloc(memory, size)
#define STBI_FREE(memory) std::free(memory)
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#elif __has_include(<stb_image.h>)
#include <stb_image.h>
#else
#error "vmt needs stb_image.h for VMT_STB_IMPLEMENTATION (Debian: libstb-dev), put it on the include path"
#endif
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBI_ONLY_PNG
#undef STBI_ONLY_JPEG
#undef STBI_NO_STDIO
#undef STBI_NO_FAILURE_STRINGS
#undef STBI_MAX_DIMENSIONS
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_FREE

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace vmt::inline VMT_ABI::media::detail {

extern "C" unsigned char* vmt_stb_decode(const unsigned char* bytes, int size, int* width, int* height, int* channels,
                                         const char** reason) {
  int found = 0;
  unsigned char* pixels = stbi_load_from_memory(bytes, size, width, height, &found, *channels);
  if (*channels == 0) *channels = found;
  *reason = pixels != nullptr ? nullptr : "the decoder cannot read its data";
  return pixels;
}

extern "C" void vmt_stb_free(unsigned char* pixels) {
  stbi_image_free(pixels);
}

}  // namespace vmt::inline VMT_ABI::media::detail
#endif  // VMT_STB_IMPLEMENTATION
