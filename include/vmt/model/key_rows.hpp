// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_net_options.hpp>
#include <vmt/ops/sample_columns.hpp>

#include <cmath>  // isfinite
#include <span>
#include <vector>

namespace vmt::inline VMT_ABI::detail {

/// The keys of a batch in the order in which `key_net` computes them: all white ones, then all black ones, so that each
/// of the two matrices multiplies one block. Keeps its memory.
struct key_rows {
  std::vector<ops::column_place> places;  ///< by row
  std::vector<index_t> row;               ///< of key b·K + k
  index_t white = 0;                      ///< rows of white keys

  /// \param keys  of sample 0, of sample 1, …; the same number of each. Throws `shape_mismatch` if there are none or
  ///              they do not divide, `invalid_argument` for a place that is not finite.
  void assign(std::span<const key_place> keys, index_t samples) {
    if (keys.empty() || samples < 1 || std::ssize(keys) % samples != 0) {
      throw error(errc::shape_mismatch, "key_net: " + std::to_string(keys.size()) + " key places for " +
                                            std::to_string(samples) + " samples; expected the same number for each");
    }
    const index_t keys_each = std::ssize(keys) / samples;
    places.resize(keys.size());
    row.resize(keys.size());
    index_t next = 0;
    for (const bool black : {false, true}) {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i].black != black) continue;
        if (!std::isfinite(keys[i].x)) {
          throw error(errc::invalid_argument, "key_net: the place of key " + std::to_string(i) + " is not finite");
        }
        row[i] = next;
        // A column is four pixels wide; its middle is its place.
        places[static_cast<std::size_t>(next)] = {static_cast<index_t>(i) / keys_each,
                                                  static_cast<double>(keys[i].x) / 4.0 - 0.5};
        ++next;
      }
      if (!black) white = next;
    }
  }
  [[nodiscard]] index_t size() const noexcept { return std::ssize(row); }
  [[nodiscard]] index_t black() const noexcept { return size() - white; }
  [[nodiscard]] std::span<const ops::column_place> white_places() const noexcept {
    return std::span(places).first(static_cast<std::size_t>(white));
  }
  [[nodiscard]] std::span<const ops::column_place> black_places() const noexcept {
    return std::span(places).subspan(static_cast<std::size_t>(white));
  }
};

}  // namespace vmt::inline VMT_ABI::detail
