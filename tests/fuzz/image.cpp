// SPDX-License-Identifier: MIT
// Feeds bytes to the image checks and decoders, as they are and with the checksums of a PNG file made right. A decoder
// must accept nothing that the check refuses, agree on the size, give the same picture twice, and leave the frame alone
// when it refuses.

#include <vmt/media/stb.hpp>

#include <cstdint>
#include <cstdlib>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void one(std::span<const std::byte> file) {
  const vmt::media::image_limits limits{.max_width = 2048, .max_height = 2048, .max_area = 1 << 17};
  const vmt::media::stb_decoder decode{limits};
  vmt::frame picture;
  try {
    decode(file, picture);
  } catch (const vmt::error& e) {
    require(std::string_view(e.what()).size() > 20);
    require(picture.pixels.empty() && picture.width == 0);
    return;
  }
  const vmt::media::image_info info = vmt::media::check_image(file, limits);
  require(picture.width == info.width && picture.height == info.height);
  require(static_cast<vmt::index_t>(picture.pixels.size()) == info.width * info.height);
  vmt::frame again;
  decode(file, again);
  require(again.pixels == picture.pixels);
}

void repair_checksums(std::span<std::byte> png) {
  for (std::size_t at = 8; png.size() >= 12 && at <= png.size() - 12;) {
    const std::size_t length = vmt::media::detail::big_endian_32(png, at);
    if (length > png.size() - at - 12) return;
    const std::uint32_t sum = vmt::crc32(png.subspan(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i)
      png[at + 8 + length + i] = static_cast<std::byte>((sum >> (24 - 8 * i)) & 0xFFU);
    at += 12 + length;
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  one(file);
  if (vmt::media::sniff_image(file) == vmt::media::image_kind::png) {
    std::vector<std::byte> repaired(file.begin(), file.end());
    repair_checksums(repaired);
    one(repaired);
  }
  return 0;
}
