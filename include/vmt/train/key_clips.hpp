// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/key_strip.hpp>
#include <vmt/keyboard/plate.hpp>
#include <vmt/train/clip.hpp>
#include <vmt/train/fingerprint.hpp>
#include <vmt/train/key_clip.hpp>

#include <functional>
#include <optional>

namespace vmt::inline VMT_ABI::train {

struct key_clips_options {
  subset use = subset::train;
  std::filesystem::path cache = {};  ///< folder of the strip files; made where it is missing
  double fps = 0;                    ///< of frame folders without `times.csv`
  /// Called while strips are cut: the clip, and how many of its frames are done.
  std::function<void(const std::string& clip, index_t frames)> on_progress = {};
};

namespace detail {

[[nodiscard]] inline bool has_stamp(const std::filesystem::path& path, std::uint64_t stamp) {
  try {
    return strip_file(path).stamp() == stamp;
  } catch (const error&) {
    return false;  // whatever is wrong with a cache, making it anew is the answer
  }
}

/// The strips of all frames of a clip, in a file.
template <class Decoder>
void cut_key_strips(const clip_folder& folder, const keyboard::keyboard& where, const std::filesystem::path& path,
                    std::uint64_t stamp, const key_clips_options& o, const Decoder& decoder) {
  const keyboard::strip_layout layout{where.lowest_key, where.highest_key};
  strip_writer writer(path, keyboard::strip_layout::height(), layout.width(), stamp);
  const std::function<bool(frame&)> source = folder.open(o.fps, decoder);
  std::optional<keyboard::key_strip> cut;
  frame picture, strip;
  for (index_t n = 1; source(picture); ++n) {
    if (!cut) cut.emplace(where, picture.width, picture.height);
    (*cut)(picture, strip);
    writer.add(strip);
    if (o.on_progress && n % 100 == 0) o.on_progress(folder.name(), n);
  }
  writer.finish();
}

/// The plate of frames first … first + count − 1 of a strip file.
[[nodiscard]] inline std::vector<std::uint8_t> plate_of(const strip_file& file, const keyboard::strip_layout& layout,
                                                        index_t first, index_t count) {
  keyboard::plate plate(layout);
  frame strip;
  strip.resize(file.width(), file.height());
  const index_t step = (std::max)(index_t{1}, count / 150);
  for (index_t i = 0; i < count; i += step) {
    file.read(first + i, strip.pixels);
    plate.push(strip);
  }
  plate.estimate(strip);
  return std::move(strip.pixels);
}

}  // namespace detail

/// The parts of a data set that are for one use, as clips to train `key_net` with: `split.csv` and a folder for each
/// clip (`clip_folder`), which needs a `keyboard.json`. The key-aligned strips of a clip are cut once and left in a
/// file below the cache, which is used again as long as video and keyboard stay the same. The plate of a part is
/// estimated from its own frames. Throws `not_found` for a missing file or where no part is for this use,
/// `inconsistent` for a part without frames, …, each with the file.
template <class Decoder = media::pnm_decoder>
[[nodiscard]] std::vector<key_clip> load_key_clips(const std::filesystem::path& root, const key_clips_options& o,
                                                   const Decoder& decoder = {}) {
  std::error_code failure;
  std::filesystem::create_directories(o.cache, failure);
  if (failure) {
    throw error(errc::io_failure,
                "cannot make the cache folder " + vmt::detail::quoted(o.cache) + ": " + failure.message());
  }
  std::vector<key_clip> clips;
  for (const clip_part& part : load_split(root / "split.csv")) {
    if (part.use != o.use) continue;
    const clip_folder folder(root, part.clip);
    const std::filesystem::path corners = folder.folder() / "keyboard.json";
    const keyboard::keyboard where = keyboard::load_keyboard(corners);
    const std::uint64_t stamp =
        fingerprint_of(folder.stamp() + " key strips " + std::to_string(o.fps) + ' ' + VMT_VERSION_STRING);
    std::string name = part.clip;
    for (char& c : name) c = c == '/' || c == '\\' || c == ':' ? '_' : c;
    const std::filesystem::path path =
        o.cache / (name + '-' + std::to_string(fingerprint_of(part.clip) % 1'000'000) + ".keystrips");
    if (!detail::has_stamp(path, stamp)) detail::cut_key_strips(folder, where, path, stamp, o, decoder);

    key_clip clip;
    clip.name = part.clip;
    clip.layout = {where.lowest_key, where.highest_key};
    clip.file = std::make_shared<const strip_file>(path);
    const std::span<const double> times = clip.file->times();
    const auto begin = std::lower_bound(times.begin(), times.end(), part.start);
    const auto end = std::lower_bound(begin, times.end(), part.end);
    if (end - begin < 2) {
      throw error(errc::inconsistent, "the part of the clip " + vmt::detail::quoted(folder.folder()) + " from " +
                                          std::to_string(part.start) + " s on has " + std::to_string(end - begin) +
                                          " frames");
    }
    clip.first = begin - times.begin();
    clip.times.assign(begin, end);
    for (const note& n : folder.notes()) {
      if (n.offset >= part.start && n.onset < part.end) clip.notes.push_back(n);
    }
    clip.plate = detail::plate_of(*clip.file, clip.layout, clip.first, clip.frames());
    clips.push_back(std::move(clip));
  }
  if (clips.empty()) {
    throw error(errc::not_found, "the data set " + vmt::detail::quoted(root) + " has no clips for " +
                                     std::string(name(o.use)) + " in its split.csv");
  }
  return clips;
}

}  // namespace vmt::inline VMT_ABI::train
