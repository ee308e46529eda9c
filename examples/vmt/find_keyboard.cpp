// SPDX-License-Identifier: MIT
#include "find_keyboard.hpp"

#include "cli.hpp"
#include "command.hpp"
#include "paths.hpp"
#include "stop.hpp"

#include <vmt/keyboard/keyboard_file.hpp>
#include <vmt/keyboard/overlay.hpp>
#include <vmt/media/png_write.hpp>

#include <cstdio>
#include <limits>
#include <memory>

namespace tool {
namespace {

struct find_command {
  std::string in;
  std::string out;
  std::string overlay;
  std::string mirrored = "auto";
  int lowest_key = -1;
  double start = 0;
  vmt::media::frame_folder_options frames;
  vmt::keyboard::find_options options;
};

/// The picture with all that was found drawn into it.
void write_overlay(const std::string& path, const vmt::keyboard::find_result& result) {
  vmt::frame drawn = result.still;
  for (vmt::index_t i = 0; i < std::ssize(result.found); ++i) {
    if (result.chosen < 0 || i == result.chosen) {
      vmt::keyboard::draw_overlay(result.found[static_cast<std::size_t>(i)].where, drawn);
    }
  }
  vmt::write_file(path, vmt::media::write_png(drawn));
}

vmt::keyboard::find_result search(const std::string& in, const vmt::media::frame_folder_options& frames,
                                  const vmt::keyboard::find_options& options, double start) {
  auto result = vmt::keyboard::find_keyboard(
      part_of(open_video(in, frames), start, std::numeric_limits<double>::infinity()), options);
  if (stop_requested()) throw vmt::error(vmt::errc::stopped, "stopped; nothing was written");
  return result;
}

int run(find_command o) {
  check_outputs({{"IN", o.in}}, {{"--output", o.out}, {"--overlay", o.overlay}});
  if (o.lowest_key >= 0) o.options.picture.lowest_key = o.lowest_key;
  if (o.mirrored != "auto") o.options.picture.mirrored = o.mirrored == "yes";
  const auto result = search(o.in, o.frames, o.options, o.start);
  if (!o.overlay.empty() && !result.still.pixels.empty()) write_overlay(o.overlay, result);
  if (!result) {
    complain(refusal_of(o.in, result));
    return bad_data;
  }
  const vmt::keyboard::keyboard& k = result.where();
  vmt::keyboard::save_keyboard(o.out, k);
  const vmt::keyboard::key_range& range = result.found[static_cast<std::size_t>(result.chosen)].range;
  char text[160];
  std::snprintf(text, sizeof text, "keys %d to %d, score %.2f%s%s -> ", k.lowest_key, k.highest_key, k.score,
                k.mirrored ? ", mirrored" : "",
                range.left_cut || range.right_cut ? ", goes on beyond the picture" : "");
  complain(text + o.out);
  say_remark(result);
  return done;
}

}  // namespace

std::string refusal_of(const std::string& in, const vmt::keyboard::find_result& result) {
  std::string text = "'" + in + "': " + result.refusal;
  if (result.found.size() > 1) return text + " (--which N)";
  if (result.found.size() == 1) return text + " (--lowest-key N)";
  return text;
}

void say_remark(const vmt::keyboard::find_result& result) {
  if (!result.remark.empty()) complain(result.remark + " (--lowest-key N)");
}

vmt::keyboard::find_result find_keyboard_of(const std::string& in, const vmt::media::frame_folder_options& frames,
                                            const vmt::keyboard::find_options& options, double start) {
  if (in == "-") {
    throw vmt::error(vmt::errc::invalid_argument,
                     "the keyboard cannot be searched in a stream; find it before with 'vmt find-keyboard', or give "
                     "--keyboard FILE");
  }
  auto result = search(in, frames, options, start);
  if (!result && (result.found.size() != 1 || options.which > 1)) {
    throw vmt::error(vmt::errc::inconsistent, refusal_of(in, result));
  }
  return result;
}

command add_find_keyboard(parser& app) {
  const auto o = std::make_shared<find_command>();
  parser* const c = app.add_subcommand("find-keyboard", "Finds the keyboard in a video and writes where it is");
  c->add_option("IN", o->in, "a video or picture file, a folder of frames, or - for Y4M on standard input")->required();
  c->add_option("-o,--output", o->out, "the keyboard file to write (JSON), for --keyboard")->required();
  c->add_option("--overlay", o->overlay, "also draw what was found into a picture (PNG), to be checked by eye");
  const auto number = [&](const char* name, auto& value, double low, double high, const char* what) {
    return c->add_option(name, value, what)->check(number_in(low, high));
  };
  number("--which", o->options.which, 1, 16, "which keyboard, where there are several: 1 is the topmost");
  number("--lowest-key", o->lowest_key, 21, 108, "MIDI number of the lowest white key in the picture");
  c->add_option("--mirrored", o->mirrored, "auto, yes or no: the camera mirrors, as selfie cameras do")
      ->check(one_of({"auto", "yes", "no"}))
      ->capture_default_str();
  number("--threshold", o->options.threshold, 0, 1, "the least score, 0 to 1")->capture_default_str();
  number("--start", o->start, 0, 1e9, "seconds of the video's clock to start at");
  number("--fps", o->frames.fps, 1e-3, 1e6, "frames a second, for frame folders without times.csv");
  return {c, [o] {
            finish_on_signals();
            return run(*o);
          }};
}

}  // namespace tool
