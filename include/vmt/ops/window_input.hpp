// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/ops/generic/window_input.hpp>

namespace vmt::inline VMT_ABI::ops {

/// Network input from windows of frames in bytes: a part of each frame, scaled, with noise where a window has some, as
/// `crops` say:
///   y[n,f,i,j] = clamp(scale·bytes[n, f, top + i, (left + j) mod W] + σ·normals[rows[n,f,i] + j], 0, 1)
/// with σ = noise times the mean of scale·bytes over the part that is seen. bytes: N×F×H×W, y: N×F×H'×W', H' ≤ H, W' ≤
/// W. rows: a place in `normals` for each row of y; looked at for windows with noise. bytes, crops and rows lie on the
/// host whatever the context, `normals` and y where it computes. Throws `shape_mismatch`, also for a part that leaves
/// the frame and a row that leaves `normals`.
struct window_input_fn {
  template <class Context, class Y>
  void operator()(Context& ctx, const_view<std::uint8_t, 4> bytes, std::span<const window_crop> crops,
                  std::span<const std::int32_t> rows, const_view<float, 1> normals, Y&& y) const {
    const tensor_view<float, 4> out = y;
    check(bytes, crops, rows, normals.size(), out.extents());
    if constexpr (requires { vmt_window_input(ctx, bytes, crops, rows, normals, out); }) {
      vmt_window_input(ctx, bytes, crops, rows, normals, out);
    } else {
      detail::require_host_accessible<Context>();
      const index_t of_window = out.extent(1) * out.extent(2);
      for (index_t n = 0; n < out.extent(0); ++n) {
        generic::window_input(
            bytes[n], crops[static_cast<std::size_t>(n)],
            rows.subspan(static_cast<std::size_t>(n * of_window), static_cast<std::size_t>(of_window)), normals.span(),
            out[n]);
      }
    }
  }

 private:
  static void check(const_view<std::uint8_t, 4> bytes, std::span<const window_crop> crops,
                    std::span<const std::int32_t> rows, index_t normals, const extents<4>& y) {
    const auto require = [](bool good, const char* sentence) { detail::require(good, "window_input", sentence); };
    require(bytes.extent(0) == y[0] && bytes.extent(1) == y[1], "input and output differ in windows or frames");
    require(std::ssize(crops) == y[0] && std::ssize(rows) == y[0] * y[1] * y[2],
            "there must be a crop for each window and a place for each row");
    for (index_t n = 0; n < y[0]; ++n) {
      const window_crop& c = crops[static_cast<std::size_t>(n)];
      require(c.top >= 0 && c.top + y[2] <= bytes.extent(2) && c.left >= 0 && c.left < bytes.extent(3) &&
                  y[3] <= bytes.extent(3),
              "a part leaves the frame");
      for (index_t r = n * y[1] * y[2]; c.noise > 0 && r < (n + 1) * y[1] * y[2]; ++r) {
        const std::int32_t at = rows[static_cast<std::size_t>(r)];
        require(at >= 0 && at + y[3] <= normals, "a row of noise leaves its table");
      }
    }
  }
};
inline constexpr window_input_fn window_input{};

}  // namespace vmt::inline VMT_ABI::ops
