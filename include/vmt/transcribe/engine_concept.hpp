// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/tensor_view.hpp>

#include <concepts>  // convertible_to
#include <span>      // logits

namespace vmt::inline VMT_ABI::transcribe {

/// A network as the transcriber sees it: a window that slides over frames, and one logit a key for its middle frame.
/// `vmt::onset_engine` is one; bring your own by writing these members.
///
/// `push(context, frame)`: the next frame, `height()` × `width()` values 0 … 1. `ready()`: `frames()` frames were
/// pushed since the last `reset()`. `run(context, logits)`: fills `keys()` logits for the window that ends with the
/// last frame; its middle is frame ⌊(frames() − 1) / 2⌋ of the window. `Context` is what the network computes with,
/// `cpu_context` for one.
template <class E, class Context>
concept streaming_engine = requires(E& e, const E& c, Context& context, const_view<float, 2> frame,
                                    std::span<float> logits) {
  e.push(context, frame);
  e.run(context, logits);
  e.reset();
  { c.ready() } -> std::convertible_to<bool>;
  { c.keys() } -> std::convertible_to<index_t>;
  { c.frames() } -> std::convertible_to<index_t>;
  { c.height() } -> std::convertible_to<index_t>;
  { c.width() } -> std::convertible_to<index_t>;
};

}  // namespace vmt::inline VMT_ABI::transcribe
