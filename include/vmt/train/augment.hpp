// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>

#include <algorithm>  // clamp
#include <memory>     // shared table
#include <optional>   // splice
#include <span>       // pixels
#include <vector>     // table of normals

namespace vmt::inline VMT_ABI::train {

/// The paper's augmentation (section 4.2), and splices and shifts, which are ours. The paper gives no range for the
/// brightness; ±20 % is ours too.
struct augment_options {
  bool crop = true;               ///< off: the crop is in the centre
  double brightness_range = 0.2;  ///< pixels are multiplied by a factor uniform in 1 ± this; 0 turns it off
  double noise_share = 0.4;       ///< the share of windows that get noise; 0 turns it off
  double noise_deviation = 0.01;  ///< of the Gaussian noise, as a part of the window's mean value
  /// The share of windows whose right part, from a random column on, is that of another window of the same clip, with
  /// its targets. The camera and the keyboard are the same, pitch is position: so the left hand is seen with every
  /// right hand, and which notes go together is nothing to learn by heart.
  double splice_share = 0;
  /// Windows are moved along the keyboard by up to so many white keys either way, their notes with them: what is learnt
  /// at one key is learnt at all. What leaves on one side comes in on the other. Of no use where the picture must tell
  /// the key's name by its looks.
  index_t shift_keys = 0;
};

/// Turns a window of frames in bytes into network input, with or without augmentation. All choices are those of
/// rng(seed, epoch, sample, rng_use::augmentation), so they are the same on any thread, in any order, after any resume;
/// the frames of a window share the crop and the brightness.
///
/// Half a million Gaussian numbers a window would cost more than the training of small models. Each row of pixels takes
/// them instead from a table of 65,536 (fixed, standard normal) from a random place on: within a row they are
/// independent, and two rows of a frame meet the same stretch of the table rarely and at different columns.
class augmenter {
 public:
  explicit augmenter(const augment_options& options = {}, std::uint64_t seed = 1)
      : options_(options), seed_(seed), normals_(std::make_shared<const std::vector<float>>(make_table())) {
    const auto require = [](bool good, const char* what) {
      if (!good) throw error(errc::invalid_argument, std::string("augmentation: ") + what);
    };
    require(options.brightness_range >= 0 && options.brightness_range < 1, "the brightness range must be in [0, 1)");
    require(options.noise_share >= 0 && options.noise_share <= 1, "the share of noisy windows must be in [0, 1]");
    require(options.noise_deviation >= 0 && options.noise_deviation <= 1, "the noise deviation must be in [0, 1]");
    require(options.shift_keys >= 0 && options.shift_keys <= 51, "a shift must be 0 … 51 white keys");
    require(options.splice_share >= 0 && options.splice_share <= 1, "the share of splices must be in [0, 1]");
  }

  [[nodiscard]] const augment_options& options() const noexcept { return options_; }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

  /// The sizes of a window and of what is cut out of each of its frames.
  struct sizes {
    index_t frames, in_height, in_width, height, width;
  };

  /// `bytes`: frames × in_height × in_width gray values → `out`: frames × height × width in [0, 1], the crop in the
  /// centre.
  void plain(std::span<const std::uint8_t> bytes, const sizes& s, std::span<float> out) const {
    check(bytes, s, out);
    cut(bytes, s, (s.in_height - s.height) / 2, (s.in_width - s.width) / 2, 0, 1.0F / 255, out);
  }

  /// What comes into the right part of window `sample`: window `other` of the `windows` of its clip, from `place` (0 …
  /// 1 of the width) on. Nothing where the window stays whole.
  struct splice {
    index_t other;
    double place;
  };
  [[nodiscard]] std::optional<splice> splice_of(std::uint32_t epoch, index_t sample, index_t windows) const noexcept {
    rng random(seed_, epoch, static_cast<std::uint32_t>(sample), rng_use::splice);
    if (!(random.uniform() < options_.splice_share)) return {};
    const index_t other = random.below(windows);
    return splice{other, random.uniform()};
  }

  /// By how many white keys window `sample` moves up: uniform in −shift_keys … shift_keys.
  [[nodiscard]] index_t shift_of(std::uint32_t epoch, index_t sample) const noexcept {
    rng random(seed_, epoch, static_cast<std::uint32_t>(sample), rng_use::shift);
    return random.below(2 * options_.shift_keys + 1) - options_.shift_keys;
  }

  /// The same with a random crop, brightness and noise, and moved `columns` to the right; values beyond [0, 1] are
  /// clamped, as a camera would.
  void operator()(std::span<const std::uint8_t> bytes, const sizes& s, std::uint32_t epoch, index_t sample,
                  std::span<float> out, index_t columns = 0) const {
    check(bytes, s, out);
    rng random(seed_, epoch, static_cast<std::uint32_t>(sample), rng_use::augmentation);
    // Always the same draws, so that turning one thing off leaves the others as they were.
    const index_t random_y = random.below(s.in_height - s.height + 1);
    const index_t random_x = random.below(s.in_width - s.width + 1);
    const double factor = 1 + options_.brightness_range * random.uniform(-1, 1);
    const bool noisy = random.uniform() < options_.noise_share;
    cut(bytes, s, options_.crop ? random_y : (s.in_height - s.height) / 2,
        options_.crop ? random_x : (s.in_width - s.width) / 2, columns, static_cast<float>(factor / 255), out);
    if (noisy && options_.noise_deviation > 0) add_noise(s, random, out);
    for (float& v : out) v = std::clamp(v, 0.0F, 1.0F);
  }

 private:
  static constexpr index_t table_size = 65536;

  static std::vector<float> make_table() {
    std::vector<float> table(static_cast<std::size_t>(table_size));
    rng random(0x766D74, 0, 0, rng_use::augmentation);
    for (float& v : table) v = static_cast<float>(random.normal());
    return table;
  }

  static void check(std::span<const std::uint8_t> bytes, const sizes& s, std::span<const float> out) {
    if (s.height > s.in_height || s.width > s.in_width || s.width > table_size ||
        static_cast<index_t>(bytes.size()) != s.frames * s.in_height * s.in_width ||
        static_cast<index_t>(out.size()) != s.frames * s.height * s.width) {
      throw error(errc::shape_mismatch, "augmentation: a window of " + std::to_string(bytes.size()) +
                                            " bytes does not make " + std::to_string(s.frames) + " frames of " +
                                            std::to_string(s.in_width) + "x" + std::to_string(s.in_height) +
                                            " pixels, or the crop of " + std::to_string(s.width) + "x" +
                                            std::to_string(s.height) + " does not fit");
    }
  }

  static void cut(std::span<const std::uint8_t> bytes, const sizes& s, index_t top, index_t left, index_t columns,
                  float scale, std::span<float> out) {
    const index_t first = (((left - columns) % s.in_width) + s.in_width) % s.in_width;  // the column that comes first
    const index_t until_wrap = (std::min)(s.in_width - first, s.width);
    float* to = out.data();
    for (index_t f = 0; f < s.frames; ++f) {
      for (index_t y = 0; y < s.height; ++y, to += s.width) {
        const std::uint8_t* row = bytes.data() + (f * s.in_height + top + y) * s.in_width;
        for (index_t x = 0; x < until_wrap; ++x) to[x] = static_cast<float>(row[first + x]) * scale;
        for (index_t x = until_wrap; x < s.width; ++x) to[x] = static_cast<float>(row[x - until_wrap]) * scale;
      }
    }
  }

  void add_noise(const sizes& s, rng& random, std::span<float> out) const {
    double sum = 0;
    for (index_t row = 0; row < s.frames * s.height; ++row) {
      float of_row = 0;
      for (index_t x = 0; x < s.width; ++x) of_row += out[static_cast<std::size_t>(row * s.width + x)];
      sum += static_cast<double>(of_row);
    }
    const auto deviation = static_cast<float>(options_.noise_deviation * sum / static_cast<double>(out.size()));
    float* to = out.data();
    for (index_t row = 0; row < s.frames * s.height; ++row, to += s.width) {
      const float* normal = normals_->data() + random.below(table_size - s.width + 1);
      for (index_t x = 0; x < s.width; ++x) to[x] += deviation * normal[x];
    }
  }

  augment_options options_;
  std::uint64_t seed_;
  std::shared_ptr<const std::vector<float>> normals_;  // shared by copies, never changed
};

}  // namespace vmt::inline VMT_ABI::train
