// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/find_in_picture.hpp>
#include <vmt/keyboard/still.hpp>

namespace vmt::inline VMT_ABI::keyboard {

struct find_options {
  double stretch = 10;     ///< seconds of video that are looked at together, > 0
  double give_up = 120;    ///< seconds of video after which there is no keyboard, ≥ stretch
  int pictures = 11;       ///< that the median is made of, 1 … 101
  double threshold = 0.5;  ///< the least score of a keyboard, 0 … 1
  int which = 0;           ///< where there are several: 1 is the topmost in the picture; 0: not chosen
  picture_options picture{};
};

/// What was found in a video, or why nothing can be said.
struct find_result {
  std::vector<found_keyboard> found;  ///< those that reach the threshold, or 0.9 beside a sure one, from the top down
  index_t chosen = -1;                ///< which of them counts; −1 where the refusal says why none does
  std::string refusal;                ///< a sentence
  std::string remark;                 ///< a sentence where the octave is only the likeliest; else empty
  frame still;                        ///< the picture in which it was found: the median of a stretch of the video
  double from = 0;                    ///< the stretch, seconds
  double to = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return chosen >= 0; }
  /// The keyboard. Throws `inconsistent` with the refusal.
  [[nodiscard]] const keyboard& where() const {
    if (chosen < 0) throw error(errc::inconsistent, refusal);
    return found[static_cast<std::size_t>(chosen)].where;
  }
};

namespace detail {

inline std::string key_name(int key) {
  constexpr std::array<const char*, 12> names{"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  return names[static_cast<std::size_t>(key % 12)];
}

inline std::string seconds_text(double s) {
  const std::string text = std::to_string(s);
  return text.substr(0, text.find('.') + 2) + " s";
}

inline void check(const find_options& o) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw error(errc::invalid_argument, std::string("find_keyboard: ") + what);
  };
  require(o.stretch > 0 && o.stretch <= 3600, "stretch is not within 0 to 3600 seconds");
  require(o.give_up >= o.stretch, "give_up is less than one stretch");
  require(o.pictures >= 1 && o.pictures <= 101, "pictures is not 1 to 101");
  require(o.threshold >= 0 && o.threshold <= 1, "the threshold is not within 0 to 1");
  require(o.which >= 0, "which is negative");
  require(o.picture.working_size >= 64, "the working size is less than 64 pixels");
  if (o.picture.lowest_key) {
    const int key = *o.picture.lowest_key;
    require(key >= 21 && key <= 108 && is_white(key), "the lowest key is not a white key of the piano (21 to 108)");
  }
}

/// Fills in what a still picture shows: the keyboards, and the choice or the refusal.
inline void judge(std::vector<found_keyboard> all, const find_options& options, find_result& result) {
  result.found.clear();
  result.chosen = -1;
  const std::string when = "between " + seconds_text(result.from) + " and " + seconds_text(result.to);
  if (all.empty()) {
    result.refusal = "no keyboard was found " + when +
                     ": nowhere are there black keys in twos and threes; the camera must look down on the keys";
    return;
  }
  if (all.front().where.score < options.threshold) {
    result.refusal = "no keyboard was found " + when + ": what looks most like one scores " +
                     std::to_string(all.front().where.score).substr(0, 4) + ", at least " +
                     std::to_string(options.threshold).substr(0, 4) + " is asked for";
    return;
  }
  // Beside a keyboard that is sure, what is only half as one is no second one to ask about.
  const double least = all.front().where.score > 0.99 ? (std::max)(options.threshold, 0.9) : options.threshold;
  for (found_keyboard& f : all) {
    if (f.where.score >= least) result.found.push_back(std::move(f));
  }
  const auto height = [](const found_keyboard& f) {
    double sum = 0;
    for (const point& p : f.where.corners) sum += p.y;
    return sum;
  };
  std::stable_sort(result.found.begin(), result.found.end(),
                   [&](const found_keyboard& a, const found_keyboard& b) { return height(a) < height(b); });
  const auto count = std::ssize(result.found);
  if (options.which > count) {
    result.refusal = "keyboard " + std::to_string(options.which) + " was asked for, but " + std::to_string(count) +
                     (count == 1 ? " is" : " are") + " in the picture " + when;
    return;
  }
  if (count > 1 && options.which == 0) {
    result.refusal = std::to_string(count) + " keyboards are in the picture; say which one counts:";
    for (index_t i = 0; i < count; ++i) {
      const found_keyboard& f = result.found[static_cast<std::size_t>(i)];
      result.refusal += (i > 0 ? "," : "") + std::string(" ") + std::to_string(i + 1) + " is at " +
                        text(f.where.corners[0]) + " to " + text(f.where.corners[2]);
    }
    return;
  }
  const index_t chosen = options.which > 0 ? options.which - 1 : 0;
  found_keyboard& f = result.found[static_cast<std::size_t>(chosen)];
  if (!f.range.certain && !options.picture.lowest_key) {
    result.refusal = "a keyboard was found, but not its octave: the lowest white key in the picture, a " +
                     key_name(f.where.lowest_key) + ", may be";
    int low = f.where.lowest_key;
    while (low - 12 >= 21) low -= 12;
    const int size = f.where.highest_key - f.where.lowest_key;
    for (int key = low; key + size <= 108; key += 12) result.refusal += (key > low ? ", " : " ") + std::to_string(key);
    result.refusal += "; say its MIDI number (60 is middle C)";
    if (f.range.either_side) result.refusal += ", and whether the picture is mirrored, for it looks the same both ways";
    return;
  }
  result.chosen = chosen;
  result.refusal.clear();
  result.remark.clear();
  f.where.score /= 1 + std::exp(-f.range.margin);
  constexpr double surely = 6;  // e^6 = 400 times
  if (f.range.margin < surely && !options.picture.lowest_key) {
    result.remark = "the octave is taken from how keyboards are usually filmed, " +
                    std::to_string(static_cast<int>(std::exp(f.range.margin))) +
                    " times likelier than any other: if the lowest white key in the picture is not " +
                    std::to_string(f.where.lowest_key) + ", a " + key_name(f.where.lowest_key) +
                    ", say its MIDI number";
  }
}

}  // namespace detail

/// Finds the keyboard in a video: looks at the median of `pictures` frames of each `stretch`, until a keyboard is
/// certain or `give_up` is reached, and reads no further. Title cards before it are passed over that way. The result
/// says where the keyboard is, or in a sentence why not; frames marked as damaged do not count. The score of the chosen
/// one is how sure the picture of a keyboard is times how likely its octave is among all. Throws
/// `invalid_argument` for options out of range, `inconsistent` where the frames change their size, and what the source
/// throws.
///
///     vmt::media::ffmpeg video("take1.mp4");
///     const auto result = vmt::keyboard::find_keyboard(video);
///     if (result) vmt::keyboard::save_keyboard("take1.json", result.where());
template <frame_source Source>
find_result find_keyboard(Source&& source, const find_options& options = {}) {
  detail::check(options);
  find_result result;
  result.refusal = "the video has no frame";
  std::vector<frame> kept;
  frame next;
  bool more = true;
  double begin = 0;
  bool started = false;
  bool have_next = false;
  while (more) {
    // One stretch: frames that are evenly spread in time.
    std::size_t used = 0;
    double wanted = begin;
    double last = begin;
    while (have_next || (more = source(next))) {
      have_next = false;
      if (next.damaged || next.pixels.empty()) continue;
      if (!started) begin = wanted = next.time;
      started = true;
      if (next.time >= begin + options.stretch) {
        have_next = true;
        break;
      }
      last = next.time;
      if (next.time < wanted || used == static_cast<std::size_t>(options.pictures)) continue;
      if (kept.size() == used) kept.emplace_back();
      std::swap(kept[used++], next);
      wanted += options.stretch / options.pictures;
    }
    if (used > 0) {
      find_result now;
      now.from = begin;
      now.to = last;
      median_picture(std::span(kept).first(used), now.still);
      detail::judge(find_in_picture(now.still, options.picture), options, now);
      // A later stretch may show more; of stretches without a choice the one that found most is told of.
      const bool better = now.chosen >= 0 || result.still.pixels.empty() || now.found.size() > result.found.size();
      if (better) result = std::move(now);
    }
    begin += options.stretch;
    if (have_next && next.time > begin) begin = next.time;
    if (result.chosen >= 0 || begin >= options.give_up) break;
  }
  return result;
}

/// The same in one picture.
[[nodiscard]] inline find_result find_keyboard(const frame& picture, const find_options& options = {}) {
  bool given = false;
  return find_keyboard(
      [&](frame& f) {
        if (given) return false;
        f = picture;
        given = true;
        return true;
      },
      options);
}

}  // namespace vmt::inline VMT_ABI::keyboard
