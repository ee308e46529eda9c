// SPDX-License-Identifier: MIT
// Feeds bytes to the Y4M reader in reads of the size that the first byte says. The size of the reads must not matter,
// and no more pixels may come out than bytes went in.

#include <vmt/media/y4m.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

struct memory_bytes {
  std::span<const std::uint8_t> rest;
  std::size_t step;

  std::size_t operator()(std::span<std::byte> room) {
    const std::size_t now = std::min({step, room.size(), rest.size()});
    if (now > 0) std::memcpy(room.data(), rest.data(), now);
    rest = rest.subspan(now);
    return now;
  }
};

struct summary {
  std::uint64_t frames = 0;
  std::uint64_t pixels = 0;
  std::uint64_t hash = 0;
  double time = -1;
  int failure = 0;

  bool operator==(const summary&) const = default;
};

summary read(std::span<const std::uint8_t> stream, std::size_t step) {
  summary s;
  try {
    vmt::media::y4m_reader video(memory_bytes{stream, step}, {.fps = 25, .limits = {.max_area = 1 << 20}});
    for (vmt::frame f; video(f);) {
      require(f.width == video.width() && f.height == video.height() && f.width > 0 && f.height > 0);
      require(static_cast<vmt::index_t>(f.pixels.size()) == f.width * f.height);
      require(f.time > s.time && std::isfinite(f.time));
      s.time = f.time;
      ++s.frames;
      s.pixels += f.pixels.size();
      for (const auto v : f.pixels) s.hash = s.hash * 31 + v;
    }
  } catch (const vmt::error& e) {
    s.failure = static_cast<int>(e.code());
  }
  return s;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span stream(data + 1, size - 1);
  const summary whole = read(stream, size);
  require(whole.pixels <= stream.size());
  require(read(stream, data[0] % 16 + 1U) == whole);
  return 0;
}
