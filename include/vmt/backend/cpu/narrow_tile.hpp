// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

namespace vmt::inline VMT_ABI::detail {

/// Channels of a group in maps of narrow numbers, whatever the instruction set.
inline constexpr index_t narrow_group = 32;

/// As `pixel_tile_job`, for maps of narrow numbers with groups of 32 channels: `Numbers::packed` channels make 32 bits,
/// and a multiply-add of one register does all of them. A run is one group;
///   w[((r·(32 / packed) + c / packed)·32 + k)·packed + c mod packed],
/// c the channel of the run, k that of the output. `Numbers::end` is what happens to a sum before it is stored.
template <class Numbers>
struct narrow_tile_job {
  index_t runs;
  const index_t* offset;
  index_t step;
  const typename Numbers::weight* w;
  const typename Numbers::number* x;
  typename Numbers::number* y;
  const typename Numbers::number* residual;  ///< as y, or null
  typename Numbers::end end;
};

}  // namespace vmt::inline VMT_ABI::detail
