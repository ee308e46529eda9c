// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/extents.hpp>
#include <vmt/train/clip_pool.hpp>
#include <vmt/train/fingerprint.hpp>
#include <vmt/train/key_augment.hpp>

#include <functional>
#include <optional>

namespace vmt::inline VMT_ABI::train {

/// Clips that are made while the training runs: epoch e uses the clips e · fresh … e · fresh + pool − 1.
struct made_clips {
  clip_pool::maker make = {};  ///< clip i; empty: there are none
  std::uint64_t stamp = 0;     ///< tells makers apart
  index_t pool = 100;          ///< clips that an epoch uses
  index_t fresh = 20;          ///< that are new in each epoch
  int threads = 1;
  index_t memory = index_t{2} << 30;  ///< bytes that the clips may take
};

struct key_data_options {
  index_t samples = 600;    ///< windows in an epoch
  double real_share = 0.5;  ///< of the windows, where there are both real and made clips
  key_window_options window = {};
  key_augment_options augment = {};
  key_target_options targets = {};
  std::uint64_t seed = 1;
};

/// Windows of clips, for `trainer` and `key_task`: x is T × 3 × 96 × width, a row of the targets `key_targets`.
/// Each sample of each epoch is another window, drawn by rng(seed, epoch, sample): from the real clips in proportion to
/// the root of their number of notes, from the made ones evenly. The hands of some real windows are put on the keyboard
/// of a made clip. Samples that are not augmented do not depend on the epoch.
class key_data {
 public:
  /// Throws `invalid_argument` for options out of range, `limit_exceeded` where the made clips need more memory than
  /// allowed (their size is that of clip 0, which is made here), and as `validate` of the clips.
  key_data(std::vector<key_clip> real, made_clips made, const key_data_options& options)
      : o_(options), augment_(options.window, options.augment), made_(std::move(made)) {
    const auto require = [](bool good, const char* what) {
      if (!good) throw error(errc::invalid_argument, std::string("key_data: ") + what);
    };
    require(o_.samples >= 1, "there must be samples");
    require(o_.real_share >= 0 && o_.real_share <= 1, "the share of real windows must be in [0, 1]");
    require(o_.window.frames >= 5 && o_.window.frames <= 1024, "a window has 5 … 1024 frames");
    require(o_.window.width >= 64 && o_.window.width <= 832 && o_.window.width % 16 == 0,
            "the width must be a multiple of 16, 64 … 832");
    require(o_.window.keys >= 1 && o_.window.keys <= 88, "a window has 1 … 88 keys that count");
    require(!real.empty() || made_.make, "there are no clips");
    for (key_clip& c : real) {
      validate(c);
      // A long clip teaches more than a short one, but a second camera more than a longer look through the first.
      const double weight = std::sqrt(static_cast<double>((std::max)(c.notes.size(), std::size_t{1})));
      until_.push_back((until_.empty() ? 0 : until_.back()) + weight);
      mix(c.name);
      mix(std::to_string(c.frames()) + ' ' + std::to_string(c.times.front()) + ' ' + std::to_string(c.times.back()));
      for (const note& n : c.notes) mix(std::to_string(n.onset) + ' ' + std::to_string(n.pitch));
      real_.push_back(std::make_shared<const key_clip>(std::move(c)));
    }
    if (made_.make) {
      require(made_.pool >= 1 && made_.fresh >= 0, "a pool has at least one clip");
      const index_t each = made_.make(0).bytes();
      if (each * (made_.pool + made_.fresh) > made_.memory) {
        throw error(errc::limit_exceeded, "key_data: " + std::to_string(made_.pool + made_.fresh) + " clips of " +
                                              std::to_string(each) + " bytes need more than the " +
                                              std::to_string(made_.memory) + " bytes allowed; make the pool smaller");
      }
      pool_ = std::make_unique<clip_pool>(made_.make, made_.threads);
      want(0);
      mix("made " + std::to_string(made_.stamp) + ' ' + std::to_string(made_.pool) + ' ' + std::to_string(made_.fresh));
    }
    mix_options();
  }

  [[nodiscard]] index_t size() const noexcept { return o_.samples; }
  /// Numbers in a row of the targets.
  [[nodiscard]] index_t keys() const noexcept { return key_targets<float>::size(o_.window.keys, o_.window.frames); }
  [[nodiscard]] extents<4> input_sizes() const noexcept {
    return {o_.window.frames, 3, keyboard::strip_layout::height(), o_.window.width};
  }
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }

  /// May be called by several threads, those of one epoch at a time.
  void load(index_t sample, std::uint32_t epoch, bool augment, std::span<float> x, std::span<float> targets) const {
    if (!augment) epoch = 0;
    rng random(o_.seed, epoch, static_cast<std::uint32_t>(sample), rng_use::window);
    const bool of_real = random.uniform() < o_.real_share;
    const double which = random.uniform();
    const bool take_made = real_.empty() || (pool_ && !of_real);
    const std::shared_ptr<const key_clip> clip = take_made ? made(epoch, which) : real(which);
    const double swaps = random.uniform(), with = random.uniform();
    const key_window window = draw_window(*clip, random, !augment, o_.window);
    window_targets(*clip, window, random, targets, o_.window, o_.targets);
    std::shared_ptr<const key_clip> theirs;
    other_keyboard other;
    if (augment && !take_made && pool_ && swaps < o_.augment.swapped) {
      theirs = made(epoch, with);
      other = same_keys(*clip, window, *theirs);
    }
    augment_(*clip, window, augment, rng(o_.seed, epoch, static_cast<std::uint32_t>(sample), rng_use::augmentation), x,
             other);
  }

 private:
  [[nodiscard]] std::shared_ptr<const key_clip> real(double which) const {
    const auto i = std::upper_bound(until_.begin(), until_.end() - 1, which * until_.back()) - until_.begin();
    return real_[static_cast<std::size_t>(i)];
  }
  /// Where the other keyboard shows keys of the same kinds as the window: white keys repeat after seven.
  [[nodiscard]] other_keyboard same_keys(const key_clip& clip, const key_window& window, const key_clip& theirs) const {
    constexpr index_t octave = 7 * keyboard::strip_layout::white_pitch;
    const auto from_a0 = [](const key_clip& c) {
      return keyboard::strip_layout::white_pitch * keyboard::white_keys_below(c.layout.lowest_key);
    };
    const index_t left = from_a0(clip) + window.left - from_a0(theirs);
    for (index_t at = ((left % octave) + octave) % octave; at + o_.window.width <= theirs.width(); at += octave) {
      return {&theirs, at};
    }
    return {};
  }
  [[nodiscard]] std::shared_ptr<const key_clip> made(std::uint32_t epoch, double which) const {
    want(epoch);
    const index_t first = static_cast<index_t>(epoch) * made_.fresh;
    return pool_->get(first + static_cast<index_t>(which * static_cast<double>(made_.pool)));
  }
  /// This epoch's clips, and already those of the next.
  void want(std::uint32_t epoch) const {
    const index_t first = static_cast<index_t>(epoch) * made_.fresh;
    pool_->keep(first, first + made_.pool + made_.fresh);
  }

  void mix(const std::string& text) { fingerprint_ = fingerprint_of(text, fingerprint_); }
  void mix_options() {
    const key_window_options& w = o_.window;
    std::string text;
    const auto add = [&](auto... numbers) { ((text += std::to_string(numbers) + ' '), ...); };
    add(o_.samples, o_.seed, o_.real_share, w.frames, w.width, w.keys, w.anywhen, w.anywhere, w.stretched, w.slowest,
        w.fastest, w.halved_above, w.lossy, o_.targets.reach, o_.targets.ignore_onset, o_.targets.ignore_release);
    const geometry_options& g = o_.augment.geometry;
    add(g.scale_x, g.scale_y, g.shear, g.rotation, g.shift_x, g.shift_y);
    const light_options& l = o_.augment.light;
    add(l.gamma, l.gain, l.offset, l.gradient_share, l.drift, l.drift_offset, l.flicker_share, l.coarse_share,
        l.blur_share, l.sharp_share, l.noise_share, l.coding_share, l.coarsest, l.change_share);
    const rear_options& r = o_.augment.rear;
    add(r.behind_share, r.glow_share, r.unrelated_share, o_.augment.swapped);
    const plate_error_options& p = o_.augment.plate;
    add(p.residue_share, p.shift_share, p.blur_share, p.field_share, o_.augment.spoilt_plates);
    mix(text);
  }

  key_data_options o_;
  key_augmenter augment_;
  std::vector<std::shared_ptr<const key_clip>> real_;
  std::vector<double> until_;  // the weights of the real clips up to each
  made_clips made_;
  std::unique_ptr<clip_pool> pool_;
  std::uint64_t fingerprint_ = fingerprint_of("key_data");
};

}  // namespace vmt::inline VMT_ABI::train
