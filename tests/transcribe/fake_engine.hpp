// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>
#include <vmt/media/frame.hpp>
#include <vmt/tensor/tensor_view.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace vmt_test {

/// A context of nothing: the transcriber hands on whatever its engine needs.
struct fake_context {
  int runs = 0;
};

/// Stands in for a network. A frame is `keys` pixels wide and one high; the logit of key k is a fixed function of the
/// pixels k in the window, which tells the middle frame from the others and depends on all of them.
class fake_engine {
 public:
  explicit fake_engine(vmt::index_t keys, vmt::index_t frames = 5) : keys_(keys), frames_(frames) {
    ring_.resize(static_cast<std::size_t>(keys * frames));
  }

  void push(fake_context&, vmt::const_view<float, 2> frame) {
    if (frame.extent(0) != 1 || frame.extent(1) != keys_) throw vmt::error(vmt::errc::shape_mismatch, "fake_engine");
    for (vmt::index_t k = 0; k < keys_; ++k) at(pushed_, k) = frame(0, k);
    ++pushed_;
  }
  void run(fake_context& context, std::span<float> logits) {
    if (!ready()) throw vmt::error(vmt::errc::invalid_argument, "fake_engine: no whole window");
    ++context.runs;
    for (vmt::index_t k = 0; k < keys_; ++k) {
      float sum = 0;
      for (vmt::index_t i = 0; i < frames_; ++i) sum += at(pushed_ - frames_ + i, k);
      const float p = 0.9F * at(pushed_ - frames_ + (frames_ - 1) / 2, k) + 0.1F * sum / static_cast<float>(frames_);
      logits[static_cast<std::size_t>(k)] = std::log(p / (1 - p));
    }
  }
  void reset() { pushed_ = 0; }
  [[nodiscard]] bool ready() const { return pushed_ >= frames_; }
  [[nodiscard]] vmt::index_t keys() const { return keys_; }
  [[nodiscard]] vmt::index_t frames() const { return frames_; }
  [[nodiscard]] vmt::index_t height() const { return 1; }
  [[nodiscard]] vmt::index_t width() const { return keys_; }

 private:
  [[nodiscard]] float& at(vmt::index_t i, vmt::index_t k) {
    return ring_[static_cast<std::size_t>(i % frames_ * keys_ + k)];
  }
  vmt::index_t keys_, frames_, pushed_ = 0;
  std::vector<float> ring_;
};

/// A note sink that keeps everything.
template <class Note>
struct collected {
  std::vector<Note> notes;
  void operator()(const Note& n) { notes.push_back(n); }
};

}  // namespace vmt_test
