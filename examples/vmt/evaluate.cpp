// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "notes.hpp"

#include <vmt/eval/report.hpp>

#include <cstdio>
#include <memory>

namespace tool {
namespace {

struct options {
  std::string reference, estimate;
  bool json = false;
};

std::string table(const vmt::eval::evaluation& e, std::size_t reference, std::size_t estimate) {
  std::string text = "reference " + std::to_string(reference) + " notes, estimate " + std::to_string(estimate) +
                     " notes\n                        precision  recall  accuracy      F1\n";
  const auto row = [&](const char* name, const vmt::eval::score& s) {
    char line[96];
    std::snprintf(line, sizeof line, "%-22s  %9.4f  %6.4f  %8.4f  %6.4f\n", name, s.precision, s.recall, s.accuracy,
                  s.f1);
    text += line;
  };
  row("onset, 50 ms", e.onset_50ms);
  row("onset, 100 ms", e.onset_100ms);
  row("onset, offset, 50 ms", e.onset_offset_50ms);
  row("onset, offset, 100 ms", e.onset_offset_100ms);
  row("frames of 10 ms", e.frame);
  return text;
}

int run(const options& o) {
  const std::vector<vmt::note> reference = load_notes(o.reference);
  const std::vector<vmt::note> estimate = load_notes(o.estimate);
  const vmt::eval::evaluation e = vmt::eval::evaluate(reference, estimate);
  print(o.json ? vmt::eval::to_json(e) + "\n" : table(e, reference.size(), estimate.size()));
  return done;
}

}  // namespace

command add_evaluate(CLI::App& app) {
  const auto o = std::make_shared<options>();
  CLI::App* const c = app.add_subcommand("evaluate", "Scores notes against a reference");
  c->add_option("REF", o->reference, "the reference: a MIDI file or a notes CSV")->required();
  c->add_option("EST", o->estimate, "the estimate: a MIDI file or a notes CSV")->required();
  c->add_flag("--json", o->json, "one JSON object instead of a table");
  return {c, [o] { return run(*o); }};
}

}  // namespace tool
