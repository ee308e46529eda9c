// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/keyboard/keyboard_file.hpp>
#include <vmt/keyboard/straighten.hpp>
#include <vmt/media/ffmpeg.hpp>
#include <vmt/media/frame_folder.hpp>
#include <vmt/midi/notes_csv.hpp>
#include <vmt/midi/smf.hpp>
#include <vmt/train/split.hpp>
#include <vmt/train/strip_file.hpp>

#include <functional>  // opened sources
#include <optional>    // keyboard

namespace vmt::inline VMT_ABI::train {

/// A clip's folder in a data set: `video.*`, or `frames/`, or images right in it; `keyboard.json`, unless the frames
/// are straightened strips already; `notes.csv`, or one MIDI file.
class clip_folder {
 public:
  /// Looks what is there. `root` is the data set, `name` the folder below it. Throws `not_found` where something is
  /// missing, `inconsistent` where it is there twice, `invalid_argument` where the name leads out of the data set.
  clip_folder(const std::filesystem::path& root, const std::string& name) : name_(name) {
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::path home = fs::canonical(root, failure);
    if (failure) throw error(errc::not_found, "there is no data set folder " + vmt::detail::quoted(root));
    folder_ = fs::canonical(home / name, failure);
    if (failure || !fs::is_directory(folder_, failure)) {
      throw error(errc::not_found,
                  "the clip \"" + name + "\" of split.csv has no folder " + vmt::detail::quoted(root / name));
    }
    const auto [end, unused] = std::mismatch(home.begin(), home.end(), folder_.begin(), folder_.end());
    if (end != home.end() || fs::path(name).is_absolute()) {
      throw error(errc::invalid_argument, "the clip \"" + name + "\" of split.csv lies outside the data set " +
                                              vmt::detail::quoted(root) + "; clips must be folders below it");
    }
    std::vector<fs::path> videos, songs;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_, failure)) {
      const fs::path file = entry.path().filename();
      if (entry.is_directory()) continue;
      if (file.stem() == "video" && file.has_extension()) videos.push_back(entry.path());
      if (file.extension() == ".mid" || file.extension() == ".midi") songs.push_back(entry.path());
    }
    if (failure)
      throw error(errc::io_failure, "cannot list " + vmt::detail::quoted(folder_) + ": " + failure.message());
    if (videos.size() > 1) twice("videos", videos);
    if (!videos.empty()) {
      video_ = videos.front();
    } else {
      frames_ = fs::is_directory(folder_ / "frames", failure) ? folder_ / "frames" : folder_;
    }
    if (fs::exists(folder_ / "keyboard.json", failure)) keyboard_ = folder_ / "keyboard.json";
    if (fs::exists(folder_ / "notes.csv", failure)) {
      notes_ = folder_ / "notes.csv";
    } else if (songs.size() == 1) {
      notes_ = songs.front();
    } else if (songs.empty()) {
      throw error(errc::not_found,
                  "the clip " + vmt::detail::quoted(folder_) + " has neither notes.csv nor a .mid file");
    } else {
      twice("MIDI files (and no notes.csv)", songs);
    }
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

  /// The notes, by onset. Throws what the readers throw.
  [[nodiscard]] std::vector<note> notes() const {
    std::vector<note> all = notes_.filename() == "notes.csv" ? midi::load_notes_csv(notes_) : midi::load(notes_).notes;
    std::sort(all.begin(), all.end());
    return all;
  }

  /// Opens the video or the frames. `fps` is for frame folders without `times.csv`.
  template <class Decoder>
  [[nodiscard]] std::function<bool(frame&)> open(double fps, const Decoder& decoder) const {
    if (!video_.empty()) {
#if defined(_WIN32)
      throw error(errc::unsupported,
                  "videos are read on POSIX systems only; make a folder 'frames' of " + vmt::detail::quoted(video_));
#else
      auto source = std::make_shared<media::ffmpeg>(video_);
      return [source](frame& f) { return (*source)(f); };
#endif
    }
    using folder = media::frame_folder<Decoder>;
    // The name of a frame option would be no help where the whole video is missing.
    try {
      auto source = std::make_shared<folder>(frames_, media::frame_folder_options{.fps = fps}, decoder);
      return [source](frame& f) { return (*source)(f); };
    } catch (const error& e) {
      if (e.code() != errc::not_found) throw;
      throw error(errc::not_found, "the clip " + vmt::detail::quoted(folder_) +
                                       " has neither a file video.* nor a folder 'frames' nor images");
    }
  }

  /// How frames of a size become strips: by the keyboard file, or, without one, taken as strips. Throws `not_found`
  /// where the frames have not the shape of a strip and there is no keyboard file.
  [[nodiscard]] keyboard::straightener straightener(index_t frame_width, index_t frame_height, index_t width,
                                                    index_t height) const {
    if (!keyboard_.empty()) {
      const keyboard::keyboard where = keyboard::load_keyboard(keyboard_);
      try {
        return {where, frame_width, frame_height, width, height};
      } catch (const error& e) {
        throw error(e.code(), keyboard_.string() + ": " + e.what());
      }
    }
    const double shape = static_cast<double>(frame_width * height) / static_cast<double>(frame_height * width);
    if (shape < 0.75 || shape > 1.34) {
      throw error(errc::not_found, "the clip " + vmt::detail::quoted(folder_) +
                                       " has no keyboard.json, and its frames of " + std::to_string(frame_width) + "x" +
                                       std::to_string(frame_height) + " pixels have not the shape of a strip (" +
                                       std::to_string(width) + "x" + std::to_string(height) + ")");
    }
    return {keyboard::whole_picture(frame_width, frame_height), frame_width, frame_height, width, height};
  }

  /// A text that changes when the pictures may have: paths, sizes and times of the files, and the keyboard's content.
  [[nodiscard]] std::string stamp() const {
    namespace fs = std::filesystem;
    std::string text = folder_.string() + '\n';
    const auto add = [&](const fs::path& file) {
      text += file.filename().string() + ' ' + std::to_string(fs::file_size(file)) + ' ' +
              std::to_string(fs::last_write_time(file).time_since_epoch().count()) + '\n';
    };
    if (!video_.empty()) {
      add(video_);
    } else {
      std::vector<fs::path> files;
      for (const fs::directory_entry& entry : fs::directory_iterator(frames_)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
      std::sort(files.begin(), files.end());
      for (const fs::path& file : files) add(file);
    }
    if (!keyboard_.empty()) {
      const std::vector<std::byte> bytes = read_file(keyboard_);
      text += "keyboard " + std::to_string(bytes.size()) + ' ' + std::to_string(crc32(bytes));
    }
    return text;
  }

 private:
  [[noreturn]] void twice(const char* what, std::vector<std::filesystem::path>& found) const {
    std::sort(found.begin(), found.end());
    throw error(errc::inconsistent, "the clip " + vmt::detail::quoted(folder_) + " has " +
                                        std::to_string(found.size()) + " " + what + ", " +
                                        found[0].filename().string() + " and " + found[1].filename().string() +
                                        "; one was expected");
  }

  std::string name_;
  std::filesystem::path folder_, video_, frames_, keyboard_, notes_;
};

}  // namespace vmt::inline VMT_ABI::train
