// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/extents.hpp>
#include <vmt/train/augment.hpp>
#include <vmt/train/clip.hpp>
#include <vmt/train/fingerprint.hpp>
#include <vmt/train/targets.hpp>

namespace vmt::inline VMT_ABI::train {

struct video_data_options {
  subset use = subset::train;
  std::filesystem::path cache = {};  ///< folder of the strip files; made where it is missing
  index_t frames = 5;                ///< consecutive frames in a window
  index_t height = 145;              ///< of the network's input
  index_t width = 800;
  index_t margin =
      5;  ///< training strips are that much larger each way, so that there is something to crop (paper: 150×805)
  index_t keys = 88;
  double fps = 0;  ///< of frame folders without `times.csv`
  target_options targets = {};
  augment_options augment = {};
  std::uint64_t seed = 1;  ///< of the augmentation
  /// How often a window with an onset counts among the samples, each time with an augmentation of its own. Few windows
  /// have one; more of them in a batch make the class-balanced loss less noisy.
  index_t onset_repeats = 1;
  /// Called while strips are cut: the clip, and how many of its frames are done.
  std::function<void(const std::string& clip, index_t frames)> on_progress = {};
};

/// Windows of consecutive frames, and the targets of their middle frames, from a data set folder: `split.csv` and a
/// folder for each clip (`clip_folder`). A data source of `trainer`.
///
/// The constructor straightens each clip once and leaves the strips of the frames it needs in a file below `cache`; the
/// file is used again as long as video, keyboard and parts stay the same. Training strips are cut `margin` pixels
/// larger, all others in the network's own size, as a transcription does. No window goes across the border of a part or
/// a gap in time (more than 1.5 times the usual distance of the frames). Memory: 8 bytes a frame and the notes.
class video_data {
 public:
  /// Throws `not_found` for a missing file or a subset without clips, `inconsistent`, `bad_format`, …, each with the
  /// file.
  template <class Decoder = media::pnm_decoder>
  explicit video_data(const std::filesystem::path& root, const video_data_options& options, const Decoder& decoder = {})
      : options_(options), augmenter_(options.augment, options.seed) {
    check_options();
    place_keys();
    std::error_code failure;
    std::filesystem::create_directories(options.cache, failure);
    if (failure) {
      throw error(errc::io_failure,
                  "cannot make the cache folder " + vmt::detail::quoted(options.cache) + ": " + failure.message());
    }
    const std::vector<clip_part> all = load_split(root / "split.csv");
    std::vector<std::string> names;
    for (const clip_part& p : all) {
      if (p.use == options.use && std::find(names.begin(), names.end(), p.clip) == names.end()) names.push_back(p.clip);
    }
    if (names.empty()) {
      throw error(errc::not_found, "the data set " + vmt::detail::quoted(root) + " has no clips for " +
                                       std::string(name(options.use)) + " in its split.csv");
    }
    for (const std::string& clip : names) {
      std::vector<clip_part> parts;
      for (const clip_part& p : all) {
        if (p.use == options.use && p.clip == clip) parts.push_back(p);
      }
      std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
      add(clip_folder(root, clip), parts, decoder);
    }
    if (size() == 0) {
      throw error(errc::inconsistent, "the data set " + vmt::detail::quoted(root) + " has no " +
                                          std::to_string(options.frames) + " consecutive frames for " +
                                          std::string(name(options.use)));
    }
    if (options.onset_repeats > 1) repeat_onsets();
  }

  /// The number of samples: windows, and the repeated ones behind them.
  [[nodiscard]] index_t size() const noexcept { return windows() + static_cast<index_t>(repeated_.size()); }
  /// The number of windows.
  [[nodiscard]] index_t windows() const noexcept { return runs_.empty() ? 0 : runs_.back().end; }
  /// frames × height × width.
  [[nodiscard]] extents<3> input_sizes() const noexcept { return {options_.frames, options_.height, options_.width}; }
  [[nodiscard]] index_t keys() const noexcept { return options_.keys; }

  /// The sizes of a window as it is kept, and of the network's input.
  [[nodiscard]] augmenter::sizes window_sizes() const noexcept {
    const strip_file& strips = clips_.front().strips;  // of all clips they are as large
    return {options_.frames, strips.height(), strips.width(), options_.height, options_.width};
  }
  /// The table that the noise of windows is taken from.
  [[nodiscard]] std::span<const float> normals() const noexcept { return augmenter_.normals(); }

  /// Window `sample` as numbers in [0, 1], augmented or not, and its targets. May be called by several threads.
  void load(index_t sample, std::uint32_t epoch, bool augment, std::span<float> x, std::span<float> targets) const {
    const augmenter::sizes s = window_sizes();
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(s.frames * s.in_height * s.in_width));
    std::vector<std::int32_t> rows(static_cast<std::size_t>(s.frames * s.height));
    const ops::window_crop crop = load_bytes(sample, epoch, augment, bytes, rows, targets);
    augmenter_.make(bytes, s, crop, rows, x);
  }
  /// The same window in bytes, frames × in_height × in_width, and how `ops::window_input` makes the numbers of them.
  ops::window_crop load_bytes(index_t sample, std::uint32_t epoch, bool augment, std::span<std::uint8_t> bytes,
                              std::span<std::int32_t> rows, std::span<float> targets) const {
    const auto [c, first] = place_of(sample);
    const augmenter::sizes s = window_sizes();
    c->strips.read(first, bytes);
    targets_of(*c, first, targets);
    if (!augment) return augmenter::centre(s);
    const run& r = run_of(sample);
    if (const auto splice = augmenter_.splice_of(epoch, sample, r.windows)) {
      std::vector<std::uint8_t> other(bytes.size());
      std::vector<float> other_targets(targets.size());
      c->strips.read(r.first + splice->other, other);
      targets_of(*c, r.first + splice->other, other_targets);
      const auto column = static_cast<index_t>(splice->place * static_cast<double>(s.in_width));
      for (index_t row = 0; row < s.frames * s.in_height; ++row) {
        const index_t begin = row * s.in_width;
        std::copy(other.begin() + begin + column, other.begin() + begin + s.in_width, bytes.begin() + begin + column);
      }
      for (index_t key = 0; key < keys(); ++key) {
        if (key_place(key) > splice->place) {
          targets[static_cast<std::size_t>(key)] = other_targets[static_cast<std::size_t>(key)];
        }
      }
    }
    const index_t keys_up = augmenter_.shift_of(epoch, sample);
    if (keys_up != 0) shift_targets(keys_up, targets);
    return augmenter_.choose(s, epoch, sample, std::lround(static_cast<double>(keys_up) * white_width()), rows);
  }

  /// Where a window is from: its clip, and the time of its middle frame in seconds.
  struct place {
    std::string clip;
    double time;
  };
  [[nodiscard]] place where(index_t sample) const {
    const auto [c, first] = place_of(sample);
    return {c->name, middle_of(*c, first)};
  }

  /// A number that changes with whatever decides about the windows, targets and augmentation; not with paths.
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }

 private:
  struct clip_data {
    std::string name;
    strip_file strips;
    std::vector<note> notes;
  };
  struct run {    // windows that follow each other
    index_t end;  // the number of windows up to here, in all runs
    std::size_t clip;
    index_t first;  // the frame at which the first window begins
    index_t windows;
  };

  void check_options() const {
    const video_data_options& o = options_;
    const auto within = [](index_t n, index_t low, index_t high) { return n >= low && n <= high; };
    if (!within(o.frames, 1, 31) || o.frames % 2 == 0 || !within(o.height, 1, 4096) || !within(o.width, 1, 4096) ||
        !within(o.margin, 0, 4096) || !within(o.keys, 1, 512) || !within(o.onset_repeats, 1, 1000) || o.cache.empty()) {
      throw error(errc::invalid_argument,
                  "the data set: frames must be odd and at most 31, height and width 1 … 4096, "
                  "margin 0 … 4096, keys 1 … 512, onset_repeats 1 … 1000, and there must be a cache folder");
    }
  }

  /// Where each key lies, in half white keys from the left edge: 1, 3, 5, … the white ones, 2, 4, … the cracks between
  /// them, where black ones may be.
  void place_keys() {
    int left = 0;  // edge of the next white key
    for (int key = 0; key < static_cast<int>(options_.keys); ++key) {
      const bool white = keyboard::is_white(options_.targets.lowest_key + key);
      half_places_.push_back(white ? left + 1 : left);
      left += white ? 2 : 0;
    }
    white_keys_ = left / 2;
  }
  /// Columns of a white key: they are equally wide in the paper's strip.
  [[nodiscard]] double white_width() const noexcept {
    return static_cast<double>(options_.width) / static_cast<double>(white_keys_);
  }
  /// The middle of a key, 0 … 1 of the strip.
  [[nodiscard]] double key_place(index_t key) const noexcept {
    return 0.5 * half_places_[static_cast<std::size_t>(key)] / static_cast<double>(white_keys_);
  }

  /// Moves the targets up by so many white keys. One that comes to a place without a key is lost.
  void shift_targets(index_t keys_up, std::span<float> targets) const {
    std::vector<float> by_place(static_cast<std::size_t>(2 * white_keys_ + 1));
    for (index_t key = 0; key < keys(); ++key) {
      const auto moved = half_places_[static_cast<std::size_t>(key)] + 2 * keys_up;
      if (moved >= 0 && moved < std::ssize(by_place)) {
        by_place[static_cast<std::size_t>(moved)] = targets[static_cast<std::size_t>(key)];
      }
    }
    for (index_t key = 0; key < keys(); ++key) {
      targets[static_cast<std::size_t>(key)] =
          by_place[static_cast<std::size_t>(half_places_[static_cast<std::size_t>(key)])];
    }
  }

  [[nodiscard]] double middle_of(const clip_data& c, index_t first) const {
    return c.strips.times()[static_cast<std::size_t>(first + options_.frames / 2)];
  }
  void targets_of(const clip_data& c, index_t first, std::span<float> targets) const {
    frame_targets(c.notes, middle_of(c, first), targets, options_.targets);
  }

  void repeat_onsets() {
    std::vector<float> targets(static_cast<std::size_t>(options_.keys));
    for (index_t w = 0; w < windows(); ++w) {
      const auto [c, first] = place_of(w);
      onset_targets(c->notes, middle_of(*c, first), targets, options_.targets);
      if (std::none_of(targets.begin(), targets.end(), [](float t) { return t > 0.5F; })) continue;
      repeated_.insert(repeated_.end(), static_cast<std::size_t>(options_.onset_repeats - 1), w);
    }
  }

  [[nodiscard]] std::pair<const clip_data*, index_t> place_of(index_t sample) const {
    if (sample < 0 || sample >= size()) {
      throw error(errc::invalid_argument, "the data set has " + std::to_string(size()) +
                                              " windows, there is no number " + std::to_string(sample));
    }
    const run& r = run_of(sample);
    return {&clips_[r.clip], r.first + window_of(sample) - (r.end - r.windows)};
  }

  [[nodiscard]] index_t window_of(index_t sample) const noexcept {
    return sample < windows() ? sample : repeated_[static_cast<std::size_t>(sample - windows())];
  }
  [[nodiscard]] const run& run_of(index_t sample) const noexcept {
    return *std::upper_bound(runs_.begin(), runs_.end(), window_of(sample),
                             [](index_t s, const run& candidate) { return s < candidate.end; });
  }

  template <class Decoder>
  void add(const clip_folder& folder, const std::vector<clip_part>& parts, const Decoder& decoder) {
    const index_t margin = options_.use == subset::train ? options_.margin : 0;
    const index_t height = options_.height + margin;
    const index_t width = options_.width + margin;
    std::string of_parts;
    for (const clip_part& p : parts) of_parts += std::to_string(p.start) + '-' + std::to_string(p.end) + ' ';
    const std::string shape = std::to_string(width) + 'x' + std::to_string(height);
    const std::uint64_t stamp = fingerprint_of(folder.stamp() + '\n' + of_parts + shape + ' ' +
                                               std::to_string(options_.fps) + ' ' + VMT_VERSION_STRING);
    std::string file = folder.name();
    for (char& c : file) c = c == '/' || c == '\\' || c == ':' ? '_' : c;
    file += '-' + std::string(name(options_.use)) + '-' + shape + '-' +
            std::to_string(fingerprint_of(folder.name()) % 1'000'000) + ".strips";
    const std::filesystem::path path = options_.cache / file;
    if (!is_fresh(path, stamp)) cut_strips(folder, parts, path, height, width, stamp, decoder);
    clips_.push_back({folder.name(), strip_file(path), folder.notes()});
    add_runs(parts);

    const clip_data& c = clips_.back();
    const auto mix = [&](const auto& numbers) {
      const auto bytes = std::as_bytes(std::span(numbers));
      fingerprint_ = fingerprint_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, fingerprint_);
    };
    std::vector<double> numbers(c.strips.times().begin(), c.strips.times().end());
    for (const note& n : c.notes) numbers.insert(numbers.end(), {n.onset, static_cast<double>(n.pitch)});
    const augment_options& a = options_.augment;
    numbers.insert(numbers.end(),
                   {options_.targets.tolerance, static_cast<double>(options_.targets.lowest_key), a.crop ? 1.0 : 0.0,
                    a.brightness_range, a.noise_share, a.noise_deviation, static_cast<double>(options_.onset_repeats)});
    if (a.splice_share > 0) numbers.push_back(a.splice_share);
    if (a.shift_keys > 0) numbers.push_back(static_cast<double>(-a.shift_keys));
    if (options_.targets.kind == target_kind::held) {
      for (const note& n : c.notes) numbers.push_back(n.offset);
    }
    mix(numbers);
    fingerprint_ = fingerprint_of(
        folder.name() + of_parts + shape + std::to_string(options_.seed) + ' ' + std::to_string(options_.frames),
        fingerprint_);
  }

  [[nodiscard]] static bool is_fresh(const std::filesystem::path& path, std::uint64_t stamp) {
    try {
      return strip_file(path).stamp() == stamp;
    } catch (const error&) {
      return false;  // whatever is wrong with a cache, making it anew is the answer
    }
  }

  template <class Decoder>
  void cut_strips(const clip_folder& folder, const std::vector<clip_part>& parts, const std::filesystem::path& path,
                  index_t height, index_t width, std::uint64_t stamp, const Decoder& decoder) const {
    const std::function<bool(frame&)> source = folder.open(options_.fps, decoder);
    strip_writer writer(path, height, width, stamp);
    std::optional<keyboard::straightener> straighten;
    std::vector<index_t> count(parts.size());
    index_t total = 0;
    frame picture, strip;
    double last = 0;
    while (source(picture)) {
      last = picture.time;
      if (last >= parts.back().end) break;
      const std::size_t part = part_of(parts, last);
      if (part == parts.size()) continue;
      if (!straighten) straighten.emplace(folder.straightener(picture.width, picture.height, width, height));
      (*straighten)(picture, strip);
      writer.add(strip);
      ++count[part];
      if (options_.on_progress && ++total % 100 == 0) options_.on_progress(folder.name(), total);
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (count[i] >= options_.frames) continue;
      throw error(errc::inconsistent, "the part of the clip " + vmt::detail::quoted(folder.folder()) + " from " +
                                          std::to_string(parts[i].start) + " s on has " + std::to_string(count[i]) +
                                          " frames, at least " + std::to_string(options_.frames) +
                                          " are needed (the last frame looked at is at " + std::to_string(last) +
                                          " s)");
    }
    writer.finish();
  }

  [[nodiscard]] static std::size_t part_of(const std::vector<clip_part>& parts, double time) {
    std::size_t i = 0;
    while (i < parts.size() && !(parts[i].start <= time && time < parts[i].end)) ++i;
    return i;
  }

  void add_runs(const std::vector<clip_part>& parts) {
    const std::span<const double> times = clips_.back().strips.times();
    std::vector<double> steps;
    for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
    if (!steps.empty())
      std::nth_element(steps.begin(), steps.begin() + static_cast<index_t>(steps.size() / 2), steps.end());
    const double usual = steps.empty() ? 0 : steps[steps.size() / 2];
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= times.size(); ++i) {
      if (i < times.size() && times[i] - times[i - 1] <= 1.5 * usual &&
          part_of(parts, times[i]) == part_of(parts, times[i - 1])) {
        continue;
      }
      const index_t count = static_cast<index_t>(i - begin) - options_.frames + 1;
      if (count > 0) runs_.push_back({windows() + count, clips_.size() - 1, static_cast<index_t>(begin), count});
      begin = i;
    }
  }

  video_data_options options_;
  augmenter augmenter_;
  std::vector<clip_data> clips_;
  std::vector<run> runs_;
  std::vector<index_t> repeated_;  // windows that count as further samples
  std::vector<int> half_places_;   // of the keys
  index_t white_keys_ = 0;
  std::uint64_t fingerprint_ = fingerprint_of("video_data");
};

}  // namespace vmt::inline VMT_ABI::train
