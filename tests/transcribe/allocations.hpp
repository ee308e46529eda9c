// SPDX-License-Identifier: MIT
#pragma once

namespace vmt_test {

/// How often this program has called `operator new`.
[[nodiscard]] long allocations();

}  // namespace vmt_test
