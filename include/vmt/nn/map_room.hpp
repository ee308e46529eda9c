// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/tensor.hpp>

namespace vmt::inline VMT_ABI::nn {

/// Room for a map that a layer keeps from `forward_train` for `backward`, or for a gradient. What an element is kept as
/// is said with each use, since the context of a call chooses it (`ops::with_maps`), not the layer's type.
template <class Backend>
class map_room {
 public:
  /// Sets the sizes; the numbers are those of before only if neither their number nor their type changes.
  template <class Kept>
  tensor_view<Kept, 4> resize(const extents<4>& e) {
    element_ = static_cast<index_t>(sizeof(Kept));
    extents_ = e;
    const index_t bytes = checked_product(e.size(), element_);
    if (bytes != memory_.size()) memory_ = typename Backend::template buffer<unsigned char>(bytes);
    return view<Kept>();
  }
  /// What the last `resize` gave. Throws `invalid_argument` where that was for elements of another size: a gradient in
  /// another precision than the forward pass.
  template <class Kept>
  [[nodiscard]] tensor_view<Kept, 4> view() {
    if (element_ != static_cast<index_t>(sizeof(Kept)) && memory_.size() > 0) {
      throw error(errc::invalid_argument, "a map was kept with " + std::to_string(element_) +
                                              " bytes a number, and is asked for with " + std::to_string(sizeof(Kept)) +
                                              ": forward_train and backward need contexts of one precision");
    }
    return {reinterpret_cast<Kept*>(memory_.data()), extents_};
  }

 private:
  typename Backend::template buffer<unsigned char> memory_;
  extents<4> extents_;
  index_t element_ = 0;
};

}  // namespace vmt::inline VMT_ABI::nn
