// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/weights.hpp>

namespace tool {

/// The network of a weights file; an empty path means the released one, which is part of the program. Throws with a status
/// for bad data, `invalid_argument` where the program was built without weights.
[[nodiscard]] vmt::onset_net<float> load_model(const std::filesystem::path& path);

/// The released weights as they lie in the program; empty where it was built without.
[[nodiscard]] std::span<const std::byte> released_weights() noexcept;

}  // namespace tool
