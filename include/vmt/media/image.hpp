// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/media/image_info.hpp>
#include <vmt/media/jpeg_check.hpp>
#include <vmt/media/png_check.hpp>
#include <vmt/media/pnm.hpp>

namespace vmt::inline VMT_ABI::media {

/// What an image file holds, and whether it is whole: everything that can be told without decoding, in time linear in
/// the file and without allocation. Decoders call it first, since the usual ones accept truncated JPEGs and flipped PNG
/// bits.
///
/// Throws `bad_format` (damaged, or no image at all), `unsupported` (a kind that is not read), `limit_exceeded`.
[[nodiscard]] inline image_info check_image(std::span<const std::byte> file, const image_limits& limits = {}) {
  if (file.size() > limits.max_bytes) {
    throw error(errc::limit_exceeded, "the image file has " + std::to_string(file.size()) + " bytes, at most " +
                                          std::to_string(limits.max_bytes) + " are allowed");
  }
  if (file.empty()) throw error(errc::bad_format, "the image file is empty");
  const auto kind = sniff_image(file);
  if (!kind) throw error(errc::bad_format, "the file is no image that is known here: PNG, JPEG or PNM was expected");
  switch (*kind) {
    case image_kind::png: return check_png(file, limits);
    case image_kind::jpeg: return check_jpeg(file, limits);
    case image_kind::pnm: break;
  }
  return check_pnm(file, limits);
}

}  // namespace vmt::inline VMT_ABI::media
