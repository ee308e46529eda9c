// SPDX-License-Identifier: MIT
#include "cli.hpp"
#include "command.hpp"
#include "notes.hpp"

#include <memory>

namespace tool {
namespace {

struct evaluation_options {
  std::string reference, estimate;
  bool json = false;
};

int run(const evaluation_options& o) {
  const std::vector<vmt::note> reference = load_notes(o.reference);
  const std::vector<vmt::note> estimate = load_notes(o.estimate);
  const vmt::eval::evaluation e = vmt::eval::evaluate(reference, estimate);
  print(o.json ? vmt::eval::to_json(e) + "\n" : score_table(e, reference.size(), estimate.size()));
  return done;
}

}  // namespace

command add_evaluate(parser& app) {
  const auto o = std::make_shared<evaluation_options>();
  parser* const c = app.add_subcommand("evaluate", "Scores notes against a reference");
  c->add_option("REF", o->reference, "the reference: a MIDI file or a notes CSV")->required();
  c->add_option("EST", o->estimate, "the estimate: a MIDI file or a notes CSV")->required();
  c->add_flag("--json", o->json, "one JSON object instead of a table");
  return {c, [o] { return run(*o); }};
}

}  // namespace tool
