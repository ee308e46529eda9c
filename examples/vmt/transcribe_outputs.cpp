// SPDX-License-Identifier: MIT
#include "notes.hpp"
#include "transcribe.hpp"

#include <array>

namespace tool {
namespace {

std::string text_of(double value, int decimals) {
  std::string text;
  vmt::io::append_number(text, value, decimals);
  return text;
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

transcription_outputs::transcription_outputs(const transcribe_command& o, vmt::index_t keys)
    : o_(o), midi_(o.midi, tempo(o.bpm)) {
  const std::array<vmt::index_t, 1> row{keys};
  if (!o.csv.empty()) csv_.emplace(o.csv);
  if (!o.probabilities.empty()) probabilities_.emplace(o.probabilities, row, vmt::io::dtype::f32);
}

void transcription_outputs::operator()(const vmt::note& n) {
  midi_(n);
  if (csv_) (*csv_)(n);
  if (report_) (*report_)(n);
}

void transcription_outputs::watch(vmt::transcribe::transcribe_options& options, double& now) {
  if (!o_.report.empty()) {
    const std::string name = o_.in == "-" ? "standard input" : std::filesystem::path(o_.in).filename().string();
    const double threshold = std::visit([](const auto& d) { return d.threshold; }, options.decoder);
    vmt::transcribe::report_options r;
    r.title = name.empty() ? o_.in : name;
    r.lowest_key = options.lowest_key;
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

std::string transcription_outputs::commit(const model& m, const vmt::transcribe::transcribe_options& options,
                                          const vmt::transcribe::transcription_result& result,
                                          std::optional<std::vector<vmt::note>> reference, double seconds) {
  std::string table;
  if (reference) {
    cut(*reference, o_.start, o_.end);
    const vmt::eval::evaluation e = vmt::eval::evaluate(*reference, midi_.notes());
    table = score_table(e, reference->size(), midi_.notes().size());
    if (report_) {
      report_->reference(*reference, vmt::eval::match_notes(*reference, midi_.notes()));
      add_scores(*report_, e);
    }
  }
  if (report_) {
    const vmt::onset_net_options& n = m.net.options();
    report_->fact("video", o_.in);
    report_->fact("frames", std::to_string(result.frames) + ", " + std::to_string(result.damaged) + " damaged, " +
                                std::to_string(result.gaps) + " gaps" + (result.stopped ? ", stopped early" : ""));
    report_->fact("weights", o_.model.empty() ? "the released ones" : o_.model);
    report_->fact("network", "onset_net, " + std::string(name(n.variant)) + ", width " + std::to_string(n.width));
    report_->fact("decoder", o_.decoder + ", threshold " +
                                 text_of(std::visit([](const auto& d) { return d.threshold; }, options.decoder), 3));
    report_->fact("lag taken away", text_of(o_.lag * 1e3, 0) + " ms");
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
