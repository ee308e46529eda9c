// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/strip_layout.hpp>
#include <vmt/media/frame.hpp>

#include <algorithm>  // clamp, copy_n
#include <array>      // block of columns
#include <cstdint>    // uint8_t
#include <cstring>    // memcpy
#include <limits>     // no limit
#include <vector>     // samples

namespace vmt::inline VMT_ABI::keyboard {

struct plate_options {
  /// The most frames that are kept, 2 … 254. They are spread evenly over the frames seen: when they are used up, every
  /// second one is dropped, and from then on only every second of the frames that would have been kept is.
  index_t samples = 160;
  /// The frames kept are never further apart than this; the oldest give way then, so that samples × longest_step frames
  /// are remembered. No limit: the whole video, as a batch wants it.
  index_t longest_step = (std::numeric_limits<index_t>::max)();
  /// A live video remembers 160 × 16 frames (85 s at 30 frames/s).
  [[nodiscard]] static constexpr plate_options live() noexcept { return {.longest_step = 16}; }
};

/// The empty keyboard behind the hands, from key-aligned strips of a camera that does not move: each pixel's median
/// over the frames where black keys are (`strip_layout::black_at`), its 75th percentile elsewhere, as hands and their
/// shadows are darker than white keys and may rest on them for most of the time. The values number ⌊n/2⌋ and ⌊3n/4⌋ of
/// n sorted ones, counted from 0. Integers only; the result depends on nothing but the frames.
///
/// Memory: `samples` strips, 13 MB for 88 keys. `push` copies one strip now and then.
class plate {
 public:
  /// Throws `invalid_argument` for options out of range, and as `validate`.
  explicit plate(const strip_layout& layout = {}, const plate_options& options = {})
      : layout_(layout), width_(layout.width()), options_(options) {
    validate(layout);
    if (options.samples < 2 || options.samples > 254 || options.longest_step < 1) {
      throw error(errc::invalid_argument, "plate: " + std::to_string(options.samples) + " samples at most " +
                                              std::to_string(options.longest_step) +
                                              " frames apart; 2 to 254, at least 1 apart, are expected");
    }
    samples_.resize(static_cast<std::size_t>(layout.width() * layout.height() * options.samples));
    for (index_t y = 0; y < layout.height(); ++y) {
      for (index_t x = 0; x < layout.width(); ++x) black_.push_back(layout.black_at(x, y));
    }
  }

  [[nodiscard]] const strip_layout& layout() const noexcept { return layout_; }
  /// Frames kept at present.
  [[nodiscard]] index_t count() const noexcept { return count_; }

  /// The next strip of the video; stand-ins for damaged pictures are passed over. Throws `shape_mismatch` where it has
  /// not the layout's size.
  void push(const frame& strip) {
    if (strip.width != width_ || strip.height != strip_layout::height()) {
      throw error(errc::shape_mismatch, "plate: a strip of " + std::to_string(strip.width) + "x" +
                                            std::to_string(strip.height) + " pixels; " + std::to_string(width_) + "x" +
                                            std::to_string(strip_layout::height()) + " were expected");
    }
    if (strip.damaged || seen_++ % step_ != 0) return;
    if (count_ == options_.samples && step_ <= options_.longest_step / 2) {
      thin_out();
      if ((seen_ - 1) % step_ != 0) return;
    }
    const index_t slot = next_;
    next_ = (next_ + 1) % options_.samples;
    count_ = (std::min)(count_ + 1, options_.samples);
    for (index_t y = 0; y < strip.height; ++y) std::copy_n(strip.row(y), strip.width, sample(y, slot));
  }

  /// Fills `out` with the plate. `white_share`, 0 … 1, is the share of the values below the one that is taken outside
  /// black keys; 0.5 gives the median everywhere, which edges that shake do not move. Throws `inconsistent` before the
  /// first frame.
  void estimate(frame& out, double white_share = usual_share) const {
    require_a_frame();
    out.resize(width_, strip_layout::height());
    estimate_rows(out, 0, strip_layout::height(), white_share);
  }

  /// Fills rows [begin, end) of a picture of the strip's size: for those who spread the work over many frames.
  void estimate_rows(frame& out, index_t begin, index_t end, double white_share = usual_share) const {
    require_a_frame();
    if (!(white_share >= 0 && white_share <= 1)) {
      throw error(errc::invalid_argument, "plate: the share " + std::to_string(white_share) + " is not within 0 to 1");
    }
    const auto white = static_cast<index_t>(white_share * static_cast<double>(count_));
    if (out.width != width_ || out.height != strip_layout::height() || begin < 0 || end > out.height) {
      throw error(errc::shape_mismatch, "plate: the rows are not those of a strip of this layout");
    }
    for (index_t y = begin; y < end; ++y) {
      for (index_t x = 0; x < width_; x += block) {
        const index_t whole = (std::min)(x, width_ - block);  // two white keys are the narrowest strip
        estimate_block(whole, y, (std::min)(white, count_ - 1), out.row(y) + whole);
      }
    }
  }

  /// Forgets all frames.
  void clear() noexcept {
    count_ = next_ = seen_ = 0;
    step_ = 1;
  }

 private:
  void require_a_frame() const {
    if (count_ == 0) throw error(errc::inconsistent, "plate: there was no frame yet");
  }

  static constexpr double usual_share = 0.75;
  static constexpr index_t block = 2 * strip_layout::white_pitch;
  using values = std::array<std::uint8_t, static_cast<std::size_t>(block)>;

  [[nodiscard]] std::uint8_t* sample(index_t y, index_t slot) noexcept {
    return samples_.data() + (y * options_.samples + slot) * width_;
  }
  [[nodiscard]] const std::uint8_t* sample(index_t y, index_t slot) const noexcept {
    return samples_.data() + (y * options_.samples + slot) * width_;
  }

  /// Keeps the first, third, … of the samples, which are still in the order of time: a ring that turns is not thinned.
  void thin_out() noexcept {
    count_ = (options_.samples + 1) / 2;
    next_ = count_;
    step_ *= 2;
    for (index_t y = 0; y < strip_layout::height(); ++y) {
      for (index_t i = 1; i < count_; ++i) std::copy_n(sample(y, 2 * i), width_, sample(y, i));
    }
  }

  /// The order statistic k of each column is the largest q with at most k values below q; its bits from the top. Loops
  /// of constant length over arrays of our own: compilers make vector instructions of them.
  void estimate_block(index_t x, index_t y, index_t white, std::uint8_t* out) const noexcept {
    values wanted{};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const bool black = black_[static_cast<std::size_t>(y * width_ + x) + i];
      wanted[i] = static_cast<std::uint8_t>(black ? count_ / 2 : white);
    }
    values found{};
    for (unsigned bit = 128; bit != 0; bit /= 2) {
      values tried{};
      for (std::size_t i = 0; i < tried.size(); ++i) tried[i] = static_cast<std::uint8_t>(found[i] | bit);
      values below{};
      const std::uint8_t* line = sample(y, 0) + x;
      for (index_t n = 0; n < count_; ++n, line += width_) {
        values now;
        std::memcpy(now.data(), line, now.size());
        for (std::size_t i = 0; i < now.size(); ++i) {
          below[i] = static_cast<std::uint8_t>(below[i] + (now[i] < tried[i] ? 1 : 0));
        }
      }
      for (std::size_t i = 0; i < found.size(); ++i) found[i] = below[i] <= wanted[i] ? tried[i] : found[i];
    }
    std::memcpy(out, found.data(), found.size());
  }

  strip_layout layout_;
  index_t width_;  ///< of the strip, which the layout counts key by key
  plate_options options_;
  std::vector<std::uint8_t> samples_;  ///< row by row, of each row the samples one after another
  std::vector<bool> black_;
  index_t count_ = 0;
  index_t next_ = 0;
  index_t seen_ = 0;
  index_t step_ = 1;
};

/// The plate of a live video, from its first frame on: with each frame a few rows are estimated anew, all of them while
/// there are few samples, within 80 frames later. Constant memory, no allocation, some 0.1 ms a frame.
class running_plate {
 public:
  explicit running_plate(const strip_layout& layout = {}, const plate_options& options = plate_options::live())
      : samples_(layout, options) {
    current_.resize(layout.width(), layout.height());
  }

  /// Takes the next strip. Throws as `plate::push`.
  void push(const frame& strip) {
    samples_.push(strip);
    current_.time = strip.time;
    current_.number = strip.number;
    if (samples_.count() == 0) return;
    const index_t rows = (std::max)(index_t{1}, current_.height * 2 / samples_.count());
    for (index_t i = 0; i < (std::min)(rows, current_.height); ++i) {
      samples_.estimate_rows(current_, row_, row_ + 1);
      row_ = (row_ + 1) % current_.height;
    }
  }

  /// Whether there was a frame yet; before, `current` is of no use.
  [[nodiscard]] bool ready() const noexcept { return samples_.count() > 0; }
  [[nodiscard]] const frame& current() const noexcept { return current_; }
  /// The frames behind it, for other estimates.
  [[nodiscard]] const plate& samples() const noexcept { return samples_; }

  /// Begins anew, with another light or another place of the camera.
  void clear() noexcept {
    samples_.clear();
    row_ = 0;
  }

 private:
  plate samples_;
  frame current_;
  index_t row_ = 0;
};

}  // namespace vmt::inline VMT_ABI::keyboard
