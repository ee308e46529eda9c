// SPDX-License-Identifier: MIT
#include "stop.hpp"

#include <csignal>

#if !defined(_WIN32)
#include <signal.h>  // sigaction
#endif

namespace tool {
namespace {

volatile std::sig_atomic_t raised = 0;

}  // namespace

extern "C" {
static void raise_stop(int signal) {
  raised = 1;
  std::signal(signal, SIG_DFL);
}
}

void finish_on_signals() {
#if defined(_WIN32)
  std::signal(SIGINT, raise_stop);
  std::signal(SIGTERM, raise_stop);
#else
  // Not `std::signal`: it would have a read from a silent pipe begin again, which then never hears of the signal.
  struct sigaction action {};
  action.sa_handler = raise_stop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
#endif
}

void outlive_failed_writes() {
#if defined(SIGPIPE)
  std::signal(SIGPIPE, SIG_IGN);
#endif
#if defined(SIGXFSZ)
  std::signal(SIGXFSZ, SIG_IGN);
#endif
}

bool stop_requested() noexcept {
  return raised != 0;
}

}  // namespace tool
