// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_weights.hpp>
#include <vmt/model/weights.hpp>

#include <variant>

namespace tool {

/// Whatever network a weights file holds, by its metadata `vmt.model`.
using network = std::variant<vmt::onset_net<float>, vmt::key_net<float>>;

/// A network, and what its file says besides.
struct model {
  network net;
  std::map<std::string, std::string> metadata;

  /// A number of the metadata, such as `threshold.peaks`, chosen on validation data; `otherwise` where there is none.
  /// Throws `bad_format` unless it lies within low … high.
  [[nodiscard]] double number(const std::string& name, double otherwise, double low, double high) const;
  /// Whether it is a `key_net`.
  [[nodiscard]] const vmt::key_net<float>* keys() const noexcept { return std::get_if<vmt::key_net<float>>(&net); }
};

/// The network of a weights file; an empty path means the released one, which is part of the program. Throws with a
/// status for bad data, `invalid_argument` where the program was built without weights.
[[nodiscard]] model load_model(const std::filesystem::path& path);

/// The same where only an `onset_net` will do. Throws `unsupported` for another.
[[nodiscard]] vmt::onset_net<float> load_onset_net(const std::filesystem::path& path);

}  // namespace tool
