// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "notes.hpp"
#include "progress.hpp"
#include "stop.hpp"

#include <vmt/core/file.hpp>
#include <vmt/keyboard/keyboard_file.hpp>
#include <vmt/media/child_process.hpp>
#include <vmt/media/png_write.hpp>
#include <vmt/midi/notes_csv.hpp>
#include <vmt/midi/smf.hpp>
#include <vmt/synth/synth.hpp>

#include <filesystem>
#include <memory>
#include <optional>

namespace tool {
namespace {

namespace fs = std::filesystem;

/// The options of `vmt render`.
struct render_command {
  std::string in, out, exercise, preset = "camera", size, video, ffmpeg = "ffmpeg";
  bool strip = false;
  std::uint64_t seed = 1;
  double seconds = 20;
  std::optional<double> fps;
  std::vector<std::string> settings;
};

[[noreturn]] void wrong(const std::string& what) {
  throw vmt::error(vmt::errc::invalid_argument, what);
}

/// "1280x720" as two numbers.
std::array<vmt::index_t, 2> size_of(const std::string& text) {
  const std::size_t x = text.find('x');
  const auto w = vmt::io::parse_double(text.substr(0, x));
  const auto h = x == std::string::npos ? std::nullopt : vmt::io::parse_double(text.substr(x + 1));
  if (!w || !h || !(*w >= 16 && *w <= 8192 && *h >= 16 && *h <= 8192)) {
    wrong("--size '" + text + "' is not WIDTHxHEIGHT with 16 to 8192 pixels each way, such as 1280x720");
  }
  return {static_cast<vmt::index_t>(*w), static_cast<vmt::index_t>(*h)};
}

/// Sets the number that NAME=VALUE names.
void set(vmt::synth::options& o, const std::string& assignment) {
  const std::size_t equals = (std::min)(assignment.find('='), assignment.size());
  const std::string name = assignment.substr(0, equals);
  const auto value = vmt::io::parse_double(equals < assignment.size() ? assignment.substr(equals + 1) : "");
  if (!value) wrong("--set '" + assignment + "' is not NAME=NUMBER, such as hands.count=0");
  bool known = false;
  vmt::synth::for_each_number(o, [&](const char* each, auto& number, double low, double high) {
    if (name != each) return;
    known = true;
    if (!(*value >= low && *value <= high)) {
      wrong("--set " + name + ": a number from " + vmt::io::json_number(low) + " to " + vmt::io::json_number(high) +
            " is expected");
    }
    number = static_cast<std::remove_reference_t<decltype(number)>>(*value);
  });
  if (!known) wrong("--set '" + name + "': there is no such option; the table is in include/vmt/synth/options.hpp");
}

vmt::synth::options options_of(const render_command& c) {
  vmt::synth::options o;
  const bool strip = c.strip || c.preset == "paper" || c.preset == "wild";
  if (c.preset == "clean") o = vmt::synth::clean();
  if (c.preset == "camera") o = c.strip ? vmt::synth::paper(c.seed) : vmt::synth::wild_camera(c.seed, 1280, 720);
  if (c.preset == "paper") o = vmt::synth::paper(c.seed);
  if (c.preset == "wild") o = vmt::synth::wild(c.seed);
  o.camera.mirrored = false;  // a keyboard file cannot say it
  if (c.preset == "clean" && strip) {
    o.picture.kind = vmt::synth::picture_kind::paper_strip;
    o.picture.width = 800;
    o.picture.height = 145;
  }
  if (!c.size.empty()) {
    const auto [w, h] = size_of(c.size);
    o.picture.width = w;
    o.picture.height = h;
  }
  if (c.fps) o.picture.fps = *c.fps;
  for (const std::string& s : c.settings) set(o, s);
  return o;
}

/// The folder, which must be new or empty: nothing that is there is mixed with new frames.
fs::path empty_folder(const std::string& name) {
  std::error_code failure;
  const fs::path folder = name;
  if (fs::exists(folder, failure) && (!fs::is_directory(folder, failure) || !fs::is_empty(folder, failure))) {
    throw vmt::error(vmt::errc::invalid_argument,
                     "--output '" + name + "' is not an empty folder; choose another name");
  }
  fs::create_directories(folder, failure);
  if (failure) throw vmt::error(vmt::errc::io_failure, "cannot make the folder '" + name + "': " + failure.message());
  return folder;
}

std::string digits(vmt::index_t number) {
  const std::string text = std::to_string(number);
  return std::string(text.size() < 6 ? 6 - text.size() : 0, '0') + text;
}

/// Where the tops of the keys are seen, one key a line.
std::string keys_csv(const vmt::synth::renderer& video) {
  std::string text = "pitch,black,x0,y0,x1,y1,x2,y2,x3,y3\n";
  for (const vmt::synth::key_span& s : video.spans()) {
    text += std::to_string(s.pitch) + (s.black ? ",1" : ",0");
    for (const auto& p : s.top) text += "," + vmt::io::json_number(p.x) + "," + vmt::io::json_number(p.y);
    text += "\n";
  }
  return text;
}

/// Where the finger tips are seen in a frame, a line for each hand that is in the picture.
void add_hands(const vmt::synth::renderer& video, const vmt::frame& f, vmt::index_t index, std::string& text) {
  for (const vmt::synth::hand_pose& hand : video.hands(f.time)) {
    if (!hand.present) continue;
    text += std::to_string(index) + (hand.side > 0 ? ",right" : ",left");
    for (const auto& finger : hand.fingers) {
      const auto p = video.view(f.time)(finger[0]);
      text +=
          "," + vmt::io::json_number(std::round(p.x * 10) / 10) + "," + vmt::io::json_number(std::round(p.y * 10) / 10);
    }
    text += "\n";
  }
}

/// Where the corners of the keyboard are seen in a frame.
void add_corners(const vmt::synth::renderer& video, const vmt::frame& f, vmt::index_t index, std::string& text) {
  text += std::to_string(index);
  for (const vmt::keyboard::point& p : video.keyboard(f.time).corners) {
    text += "," + vmt::io::json_number(std::round(p.x * 100) / 100) + "," +
            vmt::io::json_number(std::round(p.y * 100) / 100);
  }
  text += "\n";
}

/// Has ffmpeg make an H.264 file of the frames, each shown for its true time.
void encode(const render_command& c, const fs::path& folder, const std::vector<double>& times, double fps) {
  std::string list = "ffconcat version 1.0\n";
  for (std::size_t i = 0; i < times.size(); ++i) {
    list +=
        "file '" + digits(static_cast<vmt::index_t>(i)) + ".png'\noption framerate " + vmt::io::json_number(fps) + "\n";
    if (i + 1 < times.size()) list += "duration " + vmt::io::json_number(times[i + 1] - times[i]) + "\n";
  }
  const fs::path list_file = folder / "frames.ffconcat";
  vmt::write_file(list_file, list);
  std::string messages;
  int status = 0;
  try {
    vmt::media::detail::child_process child(
        {c.ffmpeg,         "-nostdin", "-hide_banner", "-loglevel",
         "error",          "-y",       "-f",           "concat",
         "-safe",          "0",        "-i",           "file:" + list_file.string(),
         "-fps_mode",      "vfr",      "-c:v",         "libx264",
         "-preset",        "fast",     "-crf",         "23",
         "-pix_fmt",       "yuv420p",  "-vf",          "pad=ceil(iw/2)*2:ceil(ih/2)*2",
         "file:" + c.video});
    status = child.wait();
    messages = child.messages();
  } catch (const vmt::error& e) {
    if (e.code() != vmt::errc::not_found) throw;
    throw vmt::error(
        vmt::errc::not_found,
        std::string(e.what()) + "; install ffmpeg, or leave --video out. The frames are in '" + folder.string() + "'");
  }
  if (status != 0) {
    throw vmt::error(vmt::errc::io_failure, "ffmpeg could not make '" + c.video + "' (status " +
                                                std::to_string(status) + "): " + messages + "; the frames are in '" +
                                                folder.string() + "'");
  }
}

int run(const render_command& c) {
  if (c.in.empty() == c.exercise.empty()) wrong("give either a MIDI file (IN) or --exercise NAME");
  if (!c.video.empty() && fs::is_directory(c.video)) wrong("--video '" + c.video + "' is a folder; add a file name");
  const vmt::synth::options o = options_of(c);
  vmt::synth::validate(o);
  std::vector<vmt::note> notes =
      c.in.empty() ? vmt::synth::exercise(c.exercise, c.seed, c.seconds, o.keys.lowest, o.keys.highest)
                   : load_notes(c.in);
  const std::size_t wanted = notes.size();
  vmt::synth::renderer video(std::move(notes), o, c.seed);
  const fs::path folder = empty_folder(c.out);

  vmt::keyboard::save_keyboard(folder / "keyboard.json", video.keyboard());
  vmt::midi::save_notes_csv(folder / "notes.csv", video.notes());
  vmt::midi::save(folder / "notes.mid", video.notes());
  vmt::write_file(folder / "keys.csv", keys_csv(video));
  progress line;
  std::string times = "index,seconds\n";
  std::string hands = "index,hand,thumb_x,thumb_y,index_x,index_y,middle_x,middle_y,ring_x,ring_y,little_x,little_y\n";
  std::string corners = "index,left_x,left_y,right_x,right_y,front_right_x,front_right_y,front_left_x,front_left_y\n";
  const bool moving = !vmt::synth::camera_motion(o, c.seed).still();
  std::vector<double> seconds;
  vmt::frame f;
  while (!stop_requested() && video(f)) {
    const auto index = static_cast<vmt::index_t>(seconds.size());
    vmt::write_file(folder / (digits(index) + ".png"), vmt::media::write_png(f));
    times += std::to_string(index) + "," + vmt::io::json_number(f.time) + "\n";
    add_hands(video, f, index, hands);
    if (moving) add_corners(video, f, index, corners);
    seconds.push_back(f.time);
    line.update("frame " + std::to_string(f.number + 1),
                static_cast<double>(f.number + 1) / static_cast<double>(video.frames()));
  }
  vmt::write_file(folder / "times.csv", times);
  vmt::write_file(folder / "hands.csv", hands);
  if (moving) vmt::write_file(folder / "corners.csv", corners);
  line.clear();
  if (!c.video.empty() && !seconds.empty() && !stop_requested()) encode(c, folder, seconds, o.picture.fps);
  complain(std::to_string(seconds.size()) + " frames, " + std::to_string(video.notes().size()) + " notes -> " + c.out);
  if (video.notes().size() < wanted) {
    complain(std::to_string(wanted - video.notes().size()) +
             " notes were left out: outside the keyboard, repeated too quickly, or out of the hands' reach");
  }
  if (!stop_requested()) return done;
  complain("stopped; the folder holds the frames until then");
  return stopped_early;
}

}  // namespace

command add_render(parser& app) {
  const auto c = std::make_shared<render_command>();
  parser* const p =
      app.add_subcommand("render", "Renders a MIDI file as a video of hands on a keyboard, with its truth");
  p->add_option("IN", c->in, "the notes: MIDI, or notes CSV");
  p->add_option("-o,--output", c->out,
                "the folder to make: frames, times.csv, keyboard.json, notes.csv, keys.csv, hands.csv")
      ->required();
  p->add_option("--exercise", c->exercise,
                "instead of IN: hanon, scales, arpeggios, chords, repeats, trills, random, mixed");
  p->add_option("--seconds", c->seconds, "length of the exercise")->check(number_in(0.1, 36000))->capture_default_str();
  p->add_option("--preset", c->preset, "clean; camera: any camera; paper: 145x800 strips; wild: key-aligned strips")
      ->check(one_of({"clean", "camera", "paper", "wild"}))
      ->capture_default_str();
  p->add_option("--seed", c->seed, "what is random follows from it")->capture_default_str();
  p->add_option("--fps", c->fps, "frames a second; default: as the preset says")->check(number_in(1, 240));
  p->add_option("--size", c->size, "WIDTHxHEIGHT; default: as the preset says, 1280x720 for cameras");
  p->add_flag("--strip", c->strip, "straightened strips instead of camera pictures");
  p->add_option("--set", c->settings, "NAME=NUMBER, an option of the renderer such as hands.count=0; may be repeated");
  p->add_option("--video", c->video, "also make an H.264 video of the frames (needs ffmpeg)");
  p->add_option("--ffmpeg", c->ffmpeg, "the program that makes the video")->capture_default_str();
  return {p, [c] {
            finish_on_signals();
            return run(*c);
          }};
}

}  // namespace tool
