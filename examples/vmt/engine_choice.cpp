// SPDX-License-Identifier: MIT
#include "engine_choice.hpp"

namespace tool {

std::vector<std::string> precision_words() {
  return {"f32", "bf16", "int8"};
}
vmt::engine_precision precision_of(const std::string& word) {
  for (const auto p : {vmt::engine_precision::bf16, vmt::engine_precision::int8}) {
    if (name(p) == word) return p;
  }
  return vmt::engine_precision::f32;
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
