// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <cstdio>
#include <utility>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace tool {
namespace {

bool stderr_is_terminal() {
#if defined(_WIN32)
  return _isatty(_fileno(stderr)) != 0;
#else
  return isatty(STDERR_FILENO) != 0;
#endif
}

std::string minutes(double seconds) {
  const auto all = static_cast<long long>(seconds + 0.5);
  std::string s = std::to_string(all % 60);
  if (s.size() < 2) s.insert(0, "0");
  return std::to_string(all / 60) + ":" + s;
}

}  // namespace

progress::progress(std::string what, std::int64_t total)
    : what_(std::move(what)), total_(total), terminal_(stderr_is_terminal()) {}

progress::~progress() { clear(); }

void progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void progress::update(std::int64_t done, const std::string& note) {
  const clock::time_point now = clock::now();
  if (first_ < 0) {
    first_ = done;
    start_ = now;
  }
  if (!terminal_ || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string line = what_ + " " + std::to_string(done);
  if (total_ > 0) {
    line += " of " + std::to_string(total_);
    if (done > first_ && done <= total_) {
      const double left = seconds / static_cast<double>(done - first_) * static_cast<double>(total_ - done);
      line += ", " + minutes(left) + " left";
    }
  } else {
    line += ", " + minutes(seconds);
  }
  if (!note.empty()) line += ", " + note;
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  drawn_ = true;
}

}  // namespace tool
