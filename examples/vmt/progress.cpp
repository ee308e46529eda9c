// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <cstdio>

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
  const std::string rest = std::to_string(all % 60);
  return std::to_string(all / 60) + (rest.size() < 2 ? ":0" : ":") + rest;
}

}  // namespace

progress::progress() : terminal_(stderr_is_terminal()) {}
progress::~progress() {
  clear();
}

double progress::seconds() const {
  return std::chrono::duration<double>(clock::now() - start_).count();
}

void progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void progress::update(const std::string& words, double share) {
  const double now = seconds();
  if (first_share_ < 0 && share >= 0) {
    first_share_ = share;
    first_seconds_ = now;
  }
  if (!terminal_ || (drawn_seconds_ >= 0 && now - drawn_seconds_ < 0.1)) return;
  drawn_seconds_ = now;
  std::string line = words;
  if (share > first_share_ && first_share_ >= 0 && share <= 1) {
    line += ", " + minutes((now - first_seconds_) / (share - first_share_) * (1 - share)) + " left";
  } else {
    line += ", " + minutes(now);
  }
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  drawn_ = true;
}

}  // namespace tool
