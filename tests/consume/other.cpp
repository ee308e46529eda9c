// SPDX-License-Identifier: MIT
#include <vmt/midi/smf.hpp>

#include <cstddef>
#include <vector>

std::vector<std::byte> written_elsewhere(const std::vector<vmt::note>& notes);
std::vector<std::byte> written_elsewhere(const std::vector<vmt::note>& notes) { return vmt::midi::write(notes); }
