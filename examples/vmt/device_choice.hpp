// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace tool {

/// Where the network runs: `--device` and `--arithmetic`.
struct device_choice {
  std::string name = "cpu";
  std::string arithmetic = "tf32";  ///< of products on a CUDA device

  [[nodiscard]] bool cuda() const { return name == "cuda"; }
};

}  // namespace tool
