// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/index.hpp>

#include <array>
#include <string>

namespace vmt::inline VMT_ABI {

/// Where a key lies in the strip of `key_net`, in which every white key is 16 pixels wide.
struct key_place {
  float x = 0;         ///< the key's centre, in pixels from the strip's left edge
  bool black = false;  ///< which of the two matrices reads it

  friend bool operator==(const key_place&, const key_place&) = default;
};

/// The five numbers that `key_net` gives for a key and a frame, in the order of its outputs.
enum class key_output : index_t {
  onset = 0,     ///< logit: the key is struck in or beside this frame
  held = 1,      ///< logit: the key is down
  release = 2,   ///< logit: the key comes up in or beside this frame
  velocity = 3,  ///< logit of the velocity as a part of 127, where there is an onset
  place = 4,     ///< the onset's time minus the frame's, in frame periods; no activation
};
inline constexpr index_t key_outputs = 5;

/// The run-time options of `key_net`; they are metadata of its weights file.
struct key_net_options {
  index_t rows = 96;                                ///< height of the strip, a multiple of 16
  std::array<index_t, 4> channels{16, 32, 48, 48};  ///< of the four convolutions of the trunk
  index_t features = 64;                            ///< of a column, and of a key
  index_t window = 13;                              ///< columns, 4 pixels each, that a key sees; odd
  index_t future = 4;                               ///< frames that an output may look ahead
  double dropout = 0.15;                            ///< of a key's features in training; 0: none

  friend bool operator==(const key_net_options&, const key_net_options&) = default;
};

/// The dilations of the three temporal convolutions.
inline constexpr std::array<index_t, 3> key_net_dilations{1, 1, 2};

/// Throws `invalid_argument` unless rows are a multiple of 16 up to 1024, channels and features 1 … 512, the window odd
/// and at most 63, future 0 … 4, dropout in [0, 1).
inline void check(const key_net_options& o) {
  const auto require = [](bool ok, const char* what, const std::string& found) {
    if (!ok) throw error(errc::invalid_argument, "key_net: " + std::string(what) + ", found " + found);
  };
  require(o.rows >= 16 && o.rows <= 1024 && o.rows % 16 == 0, "rows must be a multiple of 16 up to 1024",
          std::to_string(o.rows));
  for (const index_t c : o.channels) require(c >= 1 && c <= 512, "channels must be 1 … 512", std::to_string(c));
  require(o.features >= 1 && o.features <= 512, "features must be 1 … 512", std::to_string(o.features));
  require(o.window >= 1 && o.window <= 63 && o.window % 2 == 1, "the window must be an odd number up to 63",
          std::to_string(o.window));
  require(o.future >= 0 && o.future <= 4, "future must be 0 … 4", std::to_string(o.future));
  require(o.dropout >= 0 && o.dropout < 1, "dropout must be in [0, 1)", std::to_string(o.dropout));
}

}  // namespace vmt::inline VMT_ABI
