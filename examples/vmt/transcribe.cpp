// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "model.hpp"
#include "notes.hpp"
#include "paths.hpp"
#include "progress.hpp"
#include "stop.hpp"
#include "transcribe.hpp"
#include "video.hpp"

#include <vmt/engine/onset_engine.hpp>
#include <vmt/keyboard/keyboard_file.hpp>

#include <map>
#include <memory>

namespace tool {
namespace {

constexpr vmt::index_t strip_height = 145;
constexpr vmt::index_t strip_width = 800;

/// Where the keyboard is in frames of this size; nothing where the frames are the strips of the network already.
std::optional<vmt::keyboard::keyboard> keyboard_in(const vmt::frame& f, const std::string& where) {
  if (!where.empty() && where != "strip") return read_input(where, vmt::keyboard::load_keyboard);
  if (f.width == strip_width && f.height == strip_height) return std::nullopt;
  const std::string size = std::to_string(f.width) + "x" + std::to_string(f.height);
  const double shape = static_cast<double>(f.width * strip_height) / static_cast<double>(f.height * strip_width);
  if (where.empty() || shape < 0.75 || shape > 1.34) {
    throw vmt::error(vmt::errc::shape_mismatch,
                     "the frames have " + size +
                         " pixels, straightened strips have 800x145; say where the keyboard is with "
                         "--keyboard FILE (JSON with image_size and corners)" +
                         (where.empty() ? ", or --keyboard strip for strips of another size" : ""));
  }
  return vmt::keyboard::whole_picture(f.width, f.height);
}

/// Gives the frame that was looked at first, then the rest.
std::function<bool(vmt::frame&)> after(vmt::frame first, std::function<bool(vmt::frame&)> rest) {
  return [first = std::make_shared<vmt::frame>(std::move(first)), rest = std::move(rest)](vmt::frame& f) mutable {
    if (!first) return rest(f);
    f = std::move(*first);
    first.reset();
    return true;
  };
}

vmt::transcribe::transcribe_options decoding(const transcribe_command& o, const model& m) {
  vmt::transcribe::transcribe_options t;
  if (o.decoder == "paper") {
    vmt::transcribe::paper_options paper;
    paper.threshold = o.threshold.value_or(m.threshold("paper", paper.threshold));
    t.decoder = paper;
  } else {
    vmt::transcribe::peak_options peaks;
    peaks.threshold = o.threshold.value_or(m.threshold("peaks", peaks.threshold));
    t.decoder = peaks;
  }
  t.lowest_key = o.lowest_key;
  t.lag_seconds = o.lag;
  t.damaged = o.frames.damaged;
  t.stop = stop_requested;
  return t;
}

int run(const transcribe_command& o) {
  const bool is_file = !o.keyboard.empty() && o.keyboard != "strip";
  check_outputs(
      {{"IN", o.in}, {"--model", o.model}, {"--keyboard", is_file ? o.keyboard : ""}, {"--reference", o.reference}},
      {{"--output", o.midi}, {"--csv", o.csv}, {"--probabilities", o.probabilities}, {"--report", o.report}});
  if (!(o.start < o.end)) throw vmt::error(vmt::errc::invalid_argument, "--start must lie before --end");
  std::optional<std::vector<vmt::note>> reference;
  if (!o.reference.empty()) reference = load_notes(o.reference);
  const model m = load_model(o.model);
  vmt::transcribe::transcribe_options options = decoding(o, m);

  video whole = open_video(o.in, o.frames);
  const vmt::index_t frames = whole.frames;
  const double end = std::min(o.end, whole.seconds > 0 ? whole.seconds : o.end);
  std::function<bool(vmt::frame&)> source = part_of(std::move(whole), o.start, o.end);
  vmt::frame first;
  if (!source(first)) {
    if (stop_requested()) throw vmt::error(vmt::errc::stopped, "stopped before the first frame; nothing was written");
    throw vmt::error(vmt::errc::inconsistent, "'" + o.in + "' has no frames in the part that --start and --end choose");
  }
  options.keyboard = keyboard_in(first, o.keyboard);
  source = after(std::move(first), std::move(source));

  transcription_outputs outputs(o, m.net.options().keys);
  progress line;
  double now = 0;
  outputs.watch(options, now);
  options.on_progress = [&](vmt::index_t count, vmt::index_t) {
    const double begin = std::min(o.start, now);
    const bool by_count = frames > 0 && o.start <= 0 && o.end == std::numeric_limits<double>::infinity();
    const double share = by_count    ? static_cast<double>(count) / static_cast<double>(frames)
                         : end < 1e9 ? (now - begin) / (end - begin)
                                     : -1.0;
    line.update("frame " + std::to_string(count) + ", " + std::to_string(static_cast<long long>(now)) + " s of video",
                share);
  };
  vmt::cpu_context ctx({.threads = o.threads});
  vmt::onset_engine engine(ctx, m.net, strip_height, strip_width);
  const auto result = vmt::transcribe::transcribe(ctx, engine, source, outputs, options);
  line.clear();
  const bool stopped = result.stopped || stop_requested();
  const std::string scores = outputs.commit(m, options, result, reference, line.seconds());
  complain(std::to_string(result.notes) + " notes in " + std::to_string(result.frames) + " frames -> " + o.midi);
  if (result.damaged + result.gaps > 0) {
    complain(std::to_string(result.damaged) + " damaged frames, " + std::to_string(result.gaps) + " gaps in the video");
  }
  if (!scores.empty()) print(scores);
  if (!stopped) return done;
  complain("stopped; the outputs hold what was done until then");
  return stopped_early;
}

}  // namespace

command add_transcribe(CLI::App& app) {
  using vmt::media::damage_policy;
  using vmt::media::gap_policy;
  const auto o = std::make_shared<transcribe_command>();
  CLI::App* const c = app.add_subcommand("transcribe", "Turns a video of piano keys into a MIDI file");
  c->add_option("IN", o->in, "a folder of frames, a video file, or - for Y4M on standard input")->required();
  c->add_option("-o,--output", o->midi, "the MIDI file to write")->required();
  const auto number = [&](const char* name, auto& value, double low, double high, const char* what) {
    return c->add_option(name, value, what)->check(number_in(low, high));
  };
  number("--fps", o->frames.fps, 1e-3, 1e6, "frames a second, for frame folders without times.csv");
  c->add_option("--model", o->model, "weights, a safetensors file; default: the released ones");
  c->add_option("--keyboard", o->keyboard, "strip: the frames are straightened already; else a keyboard file");
  number("--lowest-key", o->lowest_key, 0, 127, "MIDI number of the network's first key")->capture_default_str();
  number("--threshold", o->threshold, 0, 1, "probability of a note; default: as the weights say, else 0.4");
  c->add_option("--decoder", o->decoder, "peaks: times between frames; paper: smoothing and runs")
      ->check(CLI::IsMember({"peaks", "paper"}))
      ->capture_default_str();
  number("--lag", o->lag, -60, 60, "seconds that the video's notes are late, taken away")->capture_default_str();
  number("--start", o->start, 0, 1e9, "seconds of the video's clock to start at");
  number("--end", o->end, 0, 1e9, "seconds of the video's clock to end at");
  number("--threads", o->threads, 0, 1024, "0: one for each processor")->capture_default_str();
  number("--bpm", o->bpm, 4, 1000, "tempo that the MIDI file states; times stay the same")->capture_default_str();
  c->add_option("--csv", o->csv, "also write the notes as CSV");
  c->add_option("--probabilities", o->probabilities, "also write the probabilities, frames x keys, as .npy");
  c->add_option("--report", o->report, "also write an HTML report");
  c->add_option("--reference", o->reference, "notes to score against and to draw: MIDI or CSV");
  c->add_option("--damaged", o->frames.damaged, "what to do with damaged frames; default fail")
      ->transform(CLI::CheckedTransformer(std::map<std::string, damage_policy>{
          {"fail", damage_policy::fail}, {"skip", damage_policy::skip}, {"repeat", damage_policy::repeat}}));
  c->add_option("--gaps", o->frames.gaps, "what to do where numbers are missing in a frame folder; default fail")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, gap_policy>{{"fail", gap_policy::fail}, {"allow", gap_policy::allow}}));
  return {c, [o] {
            finish_on_signals();
            return run(*o);
          }};
}

}  // namespace tool
