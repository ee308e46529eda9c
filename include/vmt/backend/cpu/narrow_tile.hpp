// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

namespace vmt::inline VMT_ABI::detail {

/// Output channels that a tile of narrow numbers makes, and the channels of a map's group, whatever the instruction
/// set; but a pixel's group fills a row of a tile register, 64 bytes, so that maps of bytes have groups of 64 there.
inline constexpr index_t narrow_group = 32;

/// As `pixel_tile_job`, for maps of narrow numbers: `Numbers::packed` channels make 32 bits, and a multiply-add of one
/// register does all of them. A run is one group of G channels of the input;
///   w[((r·(G / packed) + c / packed)·32 + k)·packed + c mod packed],
/// c the channel of the run, k that of the output. `Numbers::end` is what happens to a sum before it is stored.
template <class Numbers>
struct narrow_tile_job {
  index_t runs;
  const index_t* offset;
  index_t step;
  const typename Numbers::weight* w;
  const typename Numbers::number* x;
  typename Numbers::number* y;
  index_t y_step;                            ///< from a pixel of y to the next: channels of its group
  const typename Numbers::number* residual;  ///< as y, or null
  typename Numbers::end end;
};

}  // namespace vmt::inline VMT_ABI::detail
