// SPDX-License-Identifier: MIT
#include "engine_choice.hpp"

namespace tool {

namespace {

vmt::engine_precision precision_of(const std::string& word) {
  for (const auto p : {vmt::engine_precision::bf16, vmt::engine_precision::int8}) {
    if (name(p) == word) return p;
  }
  return vmt::engine_precision::f32;
}

}  // namespace

void add_precision_option(parser& p, std::string& word) {
  p.add_option("--precision", word,
               "of onset_net: f32; bf16 where the processor has it; int8 where it has VNNI, with weights of vmt quantize")
      ->check(one_of({"f32", "bf16", "int8"}))
      ->capture_default_str();
}

vmt::onset_engine_options engine_options(const model& m, const std::string& precision, vmt::index_t height,
                                         vmt::index_t width) {
  vmt::onset_engine_options o{.height = height, .width = width, .precision = precision_of(precision)};
  if (o.precision == vmt::engine_precision::int8) {
    o.ranges = vmt::activation_ranges_of(m.metadata);
    if (o.ranges.empty()) {
      throw vmt::error(vmt::errc::inconsistent,
                       "the weights do not say what their activations span, which --precision int8 has to know; vmt "
                       "quantize adds it");
    }
  }
  return o;
}

}  // namespace tool
