// SPDX-License-Identifier: MIT
// A foreign program: it uses the library from two translation units (this one and other.cpp), whatever road it came by.
#include <vmt/vmt.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

std::vector<std::byte> written_elsewhere(const std::vector<vmt::note>& notes);
#if defined(USES_STB)
bool refuses_rubbish();
#endif

int main() {
  const std::vector<vmt::note> notes{{0.5, 1.0, 60, 100, 1.0}, {1.0, 1.5, 64, 90, 1.0}};
  const vmt::midi::song song = vmt::midi::read(written_elsewhere(notes));
  if (song.notes != notes) return 1;
#if defined(USES_STB)
  if (!refuses_rubbish()) return 2;
#endif
  std::puts("vmt " VMT_VERSION_STRING);
  return 0;
}
