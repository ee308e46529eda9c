// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_weights.hpp>
#include <vmt/model/weights.hpp>

#include <variant>

namespace tool {

/// A network, and what its file says besides.
struct model {
  vmt::onset_net<float> net;
  std::map<std::string, std::string> metadata;

  /// The metadata `threshold.peaks` or `threshold.paper`, chosen on validation data; `otherwise` where there is none.
  [[nodiscard]] double threshold(const std::string& decoder, double otherwise) const;
};

/// The network of a weights file; an empty path means the released one, which is part of the program. Throws with a
/// status for bad data, `invalid_argument` where the program was built without weights.
[[nodiscard]] model load_model(const std::filesystem::path& path);

/// Whatever network a weights file holds, by its metadata `vmt.model`; otherwise as `load_model`.
using network = std::variant<vmt::onset_net<float>, vmt::key_net<float>>;
[[nodiscard]] network load_network(const std::filesystem::path& path);

}  // namespace tool
