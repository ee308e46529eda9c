// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/rng.hpp>
#include <vmt/ops/window_input.hpp>

#include <memory>    // shared table
#include <optional>  // splice
#include <span>      // pixels
#include <vector>    // table of normals

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

  /// What is made of a window without augmentation: the crop in the centre.
  [[nodiscard]] static ops::window_crop centre(const sizes& s) noexcept {
    return {static_cast<std::int32_t>((s.in_height - s.height) / 2),
            static_cast<std::int32_t>((s.in_width - s.width) / 2)};
  }
  /// What is made of window `sample`: a random crop, moved `columns` to the right, brightness, and noise, whose rows
  /// begin in `normals()` where `rows`, frames × height of them, then say.
  [[nodiscard]] ops::window_crop choose(const sizes& s, std::uint32_t epoch, index_t sample, index_t columns,
                                        std::span<std::int32_t> rows) const {
    rng random(seed_, epoch, static_cast<std::uint32_t>(sample), rng_use::augmentation);
    // Always the same draws, so that turning one thing off leaves the others as they were.
    const index_t random_y = random.below(s.in_height - s.height + 1);
    const index_t random_x = random.below(s.in_width - s.width + 1);
    const double factor = 1 + options_.brightness_range * random.uniform(-1, 1);
    const bool noisy = random.uniform() < options_.noise_share;
    ops::window_crop crop = centre(s);
    if (options_.crop) crop.top = static_cast<std::int32_t>(random_y);
    const index_t left = (options_.crop ? random_x : (s.in_width - s.width) / 2) - columns;
    crop.left = static_cast<std::int32_t>((left % s.in_width + s.in_width) % s.in_width);
    crop.scale = static_cast<float>(factor / 255);
    if (noisy && options_.noise_deviation > 0) {
      crop.noise = options_.noise_deviation;
      for (std::int32_t& row : rows) row = static_cast<std::int32_t>(random.below(table_size - s.width + 1));
    }
    return crop;
  }
  /// The table that noise is taken from.
  [[nodiscard]] std::span<const float> normals() const noexcept { return *normals_; }

  /// `bytes`: frames × in_height × in_width gray values → `out`: frames × height × width in [0, 1], the crop in the
  /// centre.
  void plain(std::span<const std::uint8_t> bytes, const sizes& s, std::span<float> out) const {
    make(bytes, s, centre(s), {}, out);
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
    std::vector<std::int32_t> rows(static_cast<std::size_t>(s.frames * s.height));
    const ops::window_crop crop = choose(s, epoch, sample, columns, rows);
    make(bytes, s, crop, rows, out);
  }
  /// `out` as `crop` and `rows` say, see `ops::window_input`.
  void make(std::span<const std::uint8_t> bytes, const sizes& s, const ops::window_crop& crop,
            std::span<const std::int32_t> rows, std::span<float> out) const {
    check(bytes, s, out);
    ops::generic::window_input({bytes.data(), extents<3>{s.frames, s.in_height, s.in_width}}, crop, rows, normals(),
                               {out.data(), extents<3>{s.frames, s.height, s.width}});
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

  augment_options options_;
  std::uint64_t seed_;
  std::shared_ptr<const std::vector<float>> normals_;  // shared by copies, never changed
};

}  // namespace vmt::inline VMT_ABI::train
