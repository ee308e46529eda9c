// SPDX-License-Identifier: MIT
#include "notes.hpp"
#include "transcribe.hpp"

#include <vmt/eval/lag.hpp>
#include <vmt/io/number.hpp>

#include <algorithm>
#include <array>

namespace tool {
namespace {

std::string text_of(double value, int decimals) {
  std::string text;
  vmt::io::append_number(text, value, decimals);
  return text;
}

std::string name_of(const vmt::onset_net_options& n) {
  return "onset_net, " + std::string(name(n.variant)) + ", width " + std::to_string(n.width);
}

std::string name_of(const vmt::key_net_options& n) {
  return "key_net, " + std::to_string(n.features) + " features";
}

vmt::midi::write_options tempo(double bpm) {
  vmt::midi::write_options options;
  options.bpm = bpm;
  return options;
}

/// The reference of the part that was transcribed.
void cut(std::vector<vmt::note>& notes, double start, double end) {
  std::erase_if(notes, [=](const vmt::note& n) { return n.onset < start || n.onset >= end; });
}

void add_scores(vmt::transcribe::report_builder& report, const vmt::eval::evaluation& e) {
  const auto add = [&](const char* name, const vmt::eval::score& s) {
    report.score(name, s.precision, s.recall, s.f1);
  };
  add("onset ±50 ms", e.onset_50ms);
  add("onset ±100 ms", e.onset_100ms);
  add("onset and offset, ±50 ms", e.onset_offset_50ms);
  add("onset and offset, ±100 ms", e.onset_offset_100ms);
  add("frames of 10 ms", e.frame);
}

}  // namespace

transcription_outputs::transcription_outputs(const transcribe_command& o, vmt::index_t keys, int lowest_key)
    : o_(o), lowest_key_(lowest_key), midi_(o.midi, tempo(o.bpm)) {
  const std::array<vmt::index_t, 1> row{keys};
  if (!o.csv.empty()) csv_.emplace(o.csv);
  if (!o.probabilities.empty()) probabilities_.emplace(o.probabilities, row, vmt::io::dtype::f32);
}

void transcription_outputs::watch(vmt::transcribe::transcribe_options& options, double threshold, double& now) {
  threshold_ = threshold;
  if (!o_.report.empty()) {
    const std::string name = o_.in == "-" ? "standard input" : std::filesystem::path(o_.in).filename().string();
    vmt::transcribe::report_options r;
    r.title = name.empty() ? o_.in : name;
    r.lowest_key = lowest_key_;
    r.threshold = threshold;
    report_.emplace(r);
  }
  options.on_strip = [this, &now](const vmt::frame& f) {
    now = f.time;
    if (report_) report_->strip(f);
  };
  options.on_probabilities = [this](double time, std::span<const float> p) {
    if (probabilities_) probabilities_->append(p);
    if (report_) report_->probabilities(time, p);
  };
}

void transcription_outputs::take_lag(const std::optional<std::vector<vmt::note>>& reference) {
  lag_ = o_.lag == "auto" ? vmt::eval::estimate_lag(reference.value(), notes_)
                          : vmt::io::parse_double(o_.lag).value_or(0);
  for (vmt::note& n : notes_) n = vmt::transcribe::without_lag(n, lag_);
}

std::string transcription_outputs::commit(const model& m, const vmt::transcribe::transcription_result& result,
                                          std::optional<std::vector<vmt::note>> reference, double seconds) {
  if (reference) cut(*reference, o_.start, o_.end);
  take_lag(reference);
  for (const vmt::note& n : notes_) {
    midi_(n);
    if (csv_) (*csv_)(n);
    if (report_) (*report_)(n);
  }
  std::string table;
  if (reference) {
    const vmt::eval::evaluation e = vmt::eval::evaluate(*reference, midi_.notes());
    table = score_table(e, reference->size(), midi_.notes().size());
    if (report_) {
      report_->reference(*reference, vmt::eval::match_notes(*reference, midi_.notes()));
      add_scores(*report_, e);
    }
  }
  if (report_) {
    report_->fact("video", o_.in);
    report_->fact("frames", std::to_string(result.frames) + ", " + std::to_string(result.damaged) + " damaged, " +
                                std::to_string(result.gaps) + " gaps" + (result.stopped ? ", stopped early" : ""));
    report_->fact("weights", o_.model.empty() ? "the released ones" : o_.model);
    report_->fact("network", std::visit([](const auto& net) { return name_of(net.options()); }, m.net));
    report_->fact("decoder", (m.keys() != nullptr ? "whole notes" : o_.decoder) + ", threshold " + text_of(threshold_, 3));
    report_->fact("lag taken away", text_of(lag_ * 1e3, 0) + " ms");
    if (reference) report_->fact("reference", o_.reference);
    report_->fact("computing time", text_of(seconds, 1) + " s");
    report_->fact("program", "vmt " VMT_VERSION_STRING);
    report_->save(o_.report);
  }
  if (csv_) csv_->commit();
  if (probabilities_) probabilities_->commit();
  midi_.commit();
  return table;
}

}  // namespace tool
