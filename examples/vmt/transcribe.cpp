// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "device.hpp"
#include "engine_choice.hpp"
#include "find_keyboard.hpp"
#include "notes.hpp"
#include "paths.hpp"
#include "progress.hpp"
#include "stop.hpp"
#include "transcribe.hpp"
#include "video.hpp"

#include <vmt/engine/onset_engine.hpp>
#include <vmt/keyboard/keyboard_file.hpp>
#include <vmt/media/until_broken.hpp>
#include <vmt/transcribe/key_transcriber.hpp>

#include <cstdio>  // snprintf
#include <map>
#include <memory>

namespace tool {
namespace {

constexpr vmt::index_t strip_height = 145;
constexpr vmt::index_t strip_width = 800;

bool is_file(const std::string& keyboard) {
  return !keyboard.empty() && keyboard != "strip" && keyboard != "auto";
}

/// The keyboard that the finder sees, said on stderr; the likeliest octave where it cannot tell.
vmt::keyboard::keyboard search(const transcribe_command& o) {
  vmt::keyboard::find_options find;
  find.which = o.which;
  if (o.lowest_key) find.picture.lowest_key = *o.lowest_key;
  const auto result = find_keyboard_of(o.in, o.frames, find, o.start);
  const bool guessed = !result;  // only the octave is open: notes that may have to be transposed are better than none
  const vmt::keyboard::keyboard& k = guessed ? result.found.front().where : result.where();
  if (guessed) complain(refusal_of(o.in, result) + "; going on with " + std::to_string(k.lowest_key));
  char text[100];
  std::snprintf(text, sizeof text, "found a keyboard%s from key %d to %d, score %.2f",
                k.mirrored ? " in a mirrored picture" : "", k.lowest_key, k.highest_key, k.score);
  complain(text);
  say_remark(result);
  return k;
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

/// How the outputs of the network become notes. Returns the threshold.
double decoding(const transcribe_command& o, const model& m, vmt::transcribe::transcribe_options& t) {
  const auto threshold = [&](const char* name, double usual) {
    return o.threshold.value_or(m.number(name, usual, 1e-6, 1));
  };
  if (m.keys() != nullptr) {
    if (o.decoder != "peaks") {
      throw vmt::error(
          vmt::errc::invalid_argument,
          "--decoder " + o.decoder + " is for weights of onset_net; these are of key_net, which tells whole notes");
    }
    t.notes.threshold = threshold("threshold.notes", t.notes.threshold);
    t.notes.gate = m.number("gate.notes", t.notes.gate, 0, 0.99);
    t.notes.confidence_scale = m.number("confidence.scale", 1, 0, 100);
    t.notes.confidence_shift = m.number("confidence.shift", 0, -100, 100);
    return t.notes.threshold;
  }
  if (o.decoder == "paper") {
    vmt::transcribe::paper_options paper;
    paper.threshold = threshold("threshold.paper", paper.threshold);
    t.decoder = paper;
    return paper.threshold;
  }
  if (o.decoder == "held") {  // the paper's runs of frames, without its smoothing
    vmt::transcribe::paper_options runs;
    runs.sigma = 0;
    runs.threshold = threshold("threshold.held", 0.5);
    t.decoder = runs;
    return runs.threshold;
  }
  vmt::transcribe::peak_options peaks;
  peaks.threshold = threshold("threshold.peaks", peaks.threshold);
  t.decoder = peaks;
  return peaks.threshold;
}

/// Shows the video to the network.
vmt::transcribe::transcription_result watch(const transcribe_command& o, const model& m,
                                            std::function<bool(vmt::frame&)>& source, transcription_outputs& outputs,
                                            const vmt::transcribe::transcribe_options& options) {
  if (o.device.cuda()) {
    return std::visit([&](const auto& net) { return watch_on_cuda(o.device, net, source, outputs, options); }, m.net);
  }
  vmt::cpu_context ctx({.threads = o.threads});
  if (m.keys() != nullptr) return vmt::transcribe::transcribe(ctx, *m.keys(), source, outputs, options);
  vmt::onset_engine engine(ctx, std::get<vmt::onset_net<float>>(m.net),
                           engine_options(m, o.precision, strip_height, strip_width));
  return vmt::transcribe::transcribe(ctx, engine, source, outputs, options);
}

int run(const transcribe_command& o) {
  check_outputs({{"IN", o.in},
                 {"--model", o.model},
                 {"--keyboard", is_file(o.keyboard) ? o.keyboard : ""},
                 {"--reference", o.reference}},
      {{"--output", o.midi}, {"--csv", o.csv}, {"--probabilities", o.probabilities}, {"--report", o.report}});
  if (!(o.start < o.end)) throw vmt::error(vmt::errc::invalid_argument, "--start must lie before --end");
  std::optional<std::vector<vmt::note>> reference;
  if (!o.reference.empty()) reference = load_notes(o.reference);
  if (o.lag == "auto" && !reference) {
    throw vmt::error(vmt::errc::invalid_argument, "--lag auto needs notes to compare with: --reference NOTES");
  }
  const model m = load_model(o.model);
  vmt::transcribe::transcribe_options options;
  const double threshold = decoding(o, m, options);
  options.damaged = o.frames.damaged;
  options.plate_ahead = o.plate_ahead;
  options.stop = stop_requested;

  video whole = open_video(o.in, o.frames);
  const vmt::index_t frames = whole.frames;
  const bool stream = whole.stream;
  const double end = std::min(o.end, whole.seconds > 0 ? whole.seconds : o.end);
  std::function<bool(vmt::frame&)> source = part_of(std::move(whole), o.start, o.end);
  vmt::frame first;
  if (!source(first)) {
    if (stop_requested()) throw vmt::error(vmt::errc::stopped, "stopped before the first frame; nothing was written");
    throw vmt::error(vmt::errc::inconsistent, "'" + o.in + "' has no frames in the part that --start and --end choose");
  }
  options.keyboard = keyboard_in(first, o);
  if (!options.keyboard && m.keys() != nullptr) options.keyboard = vmt::keyboard::whole_picture(first.width, first.height);
  if (o.lowest_key && m.keys() == nullptr && (o.keyboard == "strip" || !options.keyboard)) {
    options.lowest_key = *o.lowest_key;
  }
  source = after(std::move(first), std::move(source));
  vmt::media::until_broken<std::function<bool(vmt::frame&)>> kept(std::move(source));
  source = [&](vmt::frame& f) {  // half a concert is better than none; a folder can be put in order
    const bool more = kept(f);
    if (!stream && kept.failure()) throw vmt::error(*kept.failure());
    return more;
  };

  const int lowest_key = m.keys() != nullptr ? options.keyboard->lowest_key : options.lowest_key;
  transcription_outputs outputs(o, m.keys() != nullptr ? options.keyboard->highest_key - lowest_key + 1
                                                       : std::get<vmt::onset_net<float>>(m.net).options().keys,
                                lowest_key);
  progress line;
  double now = 0;
  outputs.watch(options, threshold, now);
  options.on_progress = [&](vmt::index_t count, vmt::index_t) {
    const double begin = std::min(o.start, now);
    const bool by_count = frames > 0 && o.start <= 0 && o.end == std::numeric_limits<double>::infinity();
    const double share = by_count    ? static_cast<double>(count) / static_cast<double>(frames)
                         : end < 1e9 ? (now - begin) / (end - begin)
                                     : -1.0;
    line.update("frame " + std::to_string(count) + ", " + std::to_string(static_cast<long long>(now)) + " s of video",
                share);
  };
  const auto result = watch(o, m, source, outputs, options);
  line.clear();
  const bool stopped = result.stopped || stop_requested();
  const std::string scores = outputs.commit(m, result, reference, line.seconds());
  complain(std::to_string(result.notes) + " notes in " + std::to_string(result.frames) + " frames -> " + o.midi);
  if (result.damaged + result.gaps > 0) {
    complain(std::to_string(result.damaged) + " damaged frames, " + std::to_string(result.gaps) + " gaps in the video");
  }
  if (result.unseen > 0) {
    complain(std::to_string(result.unseen) + " frames do not show the keyboard where it was; no notes there");
  }
  if (!scores.empty()) print(scores);
  if (kept.failure()) {
    complain(std::string(kept.failure()->what()) + "; the outputs hold what came before");
    return status_of(kept.failure()->code());
  }
  if (!stopped) return done;
  complain("stopped; the outputs hold what was done until then");
  return stopped_early;
}

}  // namespace

std::optional<vmt::keyboard::keyboard> keyboard_in(const vmt::frame& f, const transcribe_command& o) {
  if (is_file(o.keyboard)) return read_input(o.keyboard, vmt::keyboard::load_keyboard);
  if (o.keyboard != "auto" && f.width == strip_width && f.height == strip_height) return std::nullopt;
  if (o.keyboard != "strip") return search(o);
  const double shape = static_cast<double>(f.width * strip_height) / static_cast<double>(f.height * strip_width);
  if (shape < 0.75 || shape > 1.34) {
    throw vmt::error(vmt::errc::shape_mismatch, "the frames have " + std::to_string(f.width) + "x" +
                                                    std::to_string(f.height) +
                                                    " pixels, which is not the shape of straightened strips (800x145); "
                                                    "leave out --keyboard strip, so that the keyboard is searched");
  }
  return vmt::keyboard::whole_picture(f.width, f.height);
}

command add_transcribe(parser& app) {
  using vmt::media::damage_policy;
  using vmt::media::gap_policy;
  const auto o = std::make_shared<transcribe_command>();
  parser* const c = app.add_subcommand("transcribe", "Turns a video of piano keys into a MIDI file");
  c->add_option("IN", o->in, "a folder of frames, a video file, or - for Y4M on standard input")->required();
  c->add_option("-o,--output", o->midi, "the MIDI file to write")->required();
  const auto number = [&](const char* name, auto& value, double low, double high, const char* what) {
    return c->add_option(name, value, what)->check(number_in(low, high));
  };
  number("--fps", o->frames.fps, 1e-3, 1e6, "frames a second, for frame folders without times.csv");
  c->add_option("--model", o->model, "weights, a safetensors file; default: the released ones");
  c->add_option("--keyboard", o->keyboard,
                "auto: it is searched (the default, but for frames of 800x145); strip: the frames are straightened "
                "already; else a keyboard file");
  number("--which", o->which, 1, 16, "which keyboard, where several are found: 1 is the topmost");
  number("--lowest-key", o->lowest_key, 0, 127,
         "MIDI number of the lowest white key in the picture, where that cannot be told; of strips, their first key");
  number("--threshold", o->threshold, 0, 1, "probability of a note; default: as the weights say");
  c->add_option("--decoder", o->decoder,
                "peaks: times between frames; paper: smoothing and runs; held: runs, for weights trained with "
                "--targets held")
      ->check(one_of({"peaks", "paper", "held"}))
      ->capture_default_str();
  c->add_option("--lag", o->lag, "seconds that the video's notes are late, taken away; auto: as --reference tells")
      ->check(either(one_of({"auto"}), number_in(-60, 60)))
      ->capture_default_str();
  number("--plate-ahead", o->plate_ahead, 0, 600,
         "seconds by which the network follows the video, to know the empty keyboard from what comes; 0: none")
      ->capture_default_str();
  add_precision_option(*c, o->precision);
  number("--start", o->start, 0, 1e9, "seconds of the video's clock to start at");
  number("--end", o->end, 0, 1e9, "seconds of the video's clock to end at");
  number("--threads", o->threads, 0, 1024, "0: one for each processor")->capture_default_str();
  add_device_options(*c, o->device);
  number("--bpm", o->bpm, 4, 1000, "tempo that the MIDI file states; times stay the same")->capture_default_str();
  c->add_option("--csv", o->csv, "also write the notes as CSV");
  c->add_option("--probabilities", o->probabilities, "also write the probabilities, frames x keys, as .npy");
  c->add_option("--report", o->report, "also write an HTML report");
  c->add_option("--reference", o->reference, "notes to score against and to draw: MIDI or CSV");
  c->add_choice("--damaged", o->frames.damaged, "what to do with damaged frames; default fail",
                {{"fail", damage_policy::fail}, {"skip", damage_policy::skip}, {"repeat", damage_policy::repeat}});
  c->add_choice("--gaps", o->frames.gaps, "what to do where numbers are missing in a frame folder; default fail",
                {{"fail", gap_policy::fail}, {"allow", gap_policy::allow}});
  return {c, [o] {
            finish_on_signals();
            return run(*o);
          }};
}

}  // namespace tool
