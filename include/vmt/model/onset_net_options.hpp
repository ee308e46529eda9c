// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/aggregation.hpp>

#include <string_view>

namespace vmt::inline VMT_ABI {

/// The three rows of Table 1 of the paper.
enum class onset_variant {
  resnet,       ///< ResNet-18 whose first convolution sees the frames as channels
  aggregation,  ///< the first block per frame, then the aggregation module
  slope,        ///< aggregation and slope module: the paper's full model
};

/// Which layers "the first ResNet18 block", shared by the frames, holds. The paper does not say; both readings give the
/// shapes that it prints. `resnet` always is `conv1`.
enum class onset_stem {
  conv1,   ///< conv1, batch norm, ReLU
  layer1,  ///< those and layer1, at 73×400
};

/// The run-time options of `onset_net`; they are metadata of its weights file.
struct onset_net_options {
  onset_variant variant = onset_variant::slope;
  onset_stem stem = onset_stem::conv1;
  nn::aggregation_kind aggregation = nn::aggregation_kind::channelwise;
  index_t width = 64;  ///< channels of the first layer
  index_t frames = 5;  ///< k, consecutive frames in a window
  index_t keys = 88;   ///< outputs; output 0 is the lowest key

  friend bool operator==(const onset_net_options&, const onset_net_options&) = default;
};

[[nodiscard]] constexpr std::string_view name(onset_variant v) noexcept {
  switch (v) {
    case onset_variant::resnet: return "resnet";
    case onset_variant::aggregation: return "aggregation";
    case onset_variant::slope: break;
  }
  return "slope";
}
[[nodiscard]] constexpr std::string_view name(onset_stem s) noexcept {
  return s == onset_stem::layer1 ? "layer1" : "conv1";
}

namespace nn {
[[nodiscard]] constexpr std::string_view name(aggregation_kind k) noexcept {
  return k == aggregation_kind::dense ? "dense" : "channelwise";
}
}  // namespace nn

/// Throws `invalid_argument` unless every count lies in the range that the architecture bounds: width 1 … 256, frames
/// odd 1 … 31 (there is a middle frame), keys 1 … 512.
inline void check(const onset_net_options& o) {
  const auto require = [](bool ok, const char* what, index_t found) {
    if (!ok)
      throw error(errc::invalid_argument, "onset_net: " + std::string(what) + ", found " + std::to_string(found));
  };
  require(o.width >= 1 && o.width <= 256, "width must be 1 … 256", o.width);
  require(o.frames >= 1 && o.frames <= 31 && o.frames % 2 == 1, "frames must be an odd number up to 31", o.frames);
  require(o.keys >= 1 && o.keys <= 512, "keys must be 1 … 512", o.keys);
  if (o.variant == onset_variant::resnet && o.stem != onset_stem::conv1) {
    throw error(errc::invalid_argument, "onset_net: the variant resnet has no per-frame stem; use stem conv1");
  }
}

}  // namespace vmt::inline VMT_ABI
