// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// POSIX only: a child process whose outputs are read through pipes. Behind <vmt/media/ffmpeg.hpp>.

#include <vmt/core/error.hpp>

#include <algorithm>     // min
#include <array>         // pipes
#include <cerrno>        // EINTR
#include <csignal>       // kill
#include <cstddef>       // byte
#include <span>          // room
#include <string>        // messages
#include <system_error>  // generic_category
#include <utility>       // exchange
#include <vector>        // argv

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
extern char** environ;  // NOLINT: POSIX names it, no header has to
}

namespace vmt::inline VMT_ABI::media::detail {

/// A file descriptor that closes itself.
class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() { reset(); }
  void reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

[[noreturn]] inline void throw_os_error(const std::string& what, int code) {
  throw error(errc::io_failure, what + ": " + std::generic_category().message(code));
}

/// A child process: no shell, stdin empty, and three outputs: descriptor 1 (the data), 2 (messages) and 3 (notes).
/// Reading the data also empties the two side channels, so that the child never waits for us with one of them full.
/// Destruction kills and reaps the child. Use by one thread.
class child_process {
 public:
  /// Starts `arguments[0]`, looked for in PATH. Throws `not_found` where there is no such program, else `io_failure`.
  explicit child_process(std::vector<std::string> arguments) {
    std::array<unique_fd, 3> ours;
    std::array<unique_fd, 3> theirs;
    for (std::size_t i = 0; i < 3; ++i) make_pipe(ours[i], theirs[i]);

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    check(posix_spawn_file_actions_init(&actions));
    if (const int failed = posix_spawnattr_init(&attributes); failed != 0) {
      posix_spawn_file_actions_destroy(&actions);
      check(failed);
    }
    sigset_t signals;
    sigemptyset(&signals);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // Our ends and theirs are above 3 and close on exec: the child sees descriptors 0 to 3 and what the caller leaked.
    int failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (int i = 0; i < 3 && failed == 0; ++i) {
      failed = posix_spawn_file_actions_adddup2(&actions, theirs[static_cast<std::size_t>(i)].get(), i + 1);
    }
    if (failed == 0) failed = posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    if (failed == 0) failed = posix_spawnattr_setsigdefault(&attributes, &signals);
    // A process group of its own: Ctrl-C goes to us alone, and we decide what becomes of the child.
    if (failed == 0) failed = posix_spawnattr_setpgroup(&attributes, 0);
    if (failed == 0) {
      failed =
          posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    if (failed == 0) failed = posix_spawnp(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed == ENOENT) {
      pid_ = -1;
      throw error(errc::not_found, "the program '" + arguments[0] + "' was not found");
    }
    if (failed != 0) {
      pid_ = -1;
      throw_os_error("cannot start the program '" + arguments[0] + "'", failed);
    }
    pipes_ = std::move(ours);
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  /// Waits for data and reads some; 0 at the end of the data. Throws `io_failure`.
  std::size_t read(std::span<std::byte> room) {
    for (;;) {
      wait_for_any();
      if ((events_[1] | events_[2]) != 0) drain();
      if (events_[0] == 0) continue;
      if (pipes_[0].get() < 0) return 0;
      const ssize_t got = ::read(pipes_[0].get(), room.data(), room.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) throw_os_error("cannot read from the child process", errno);
    }
  }

  /// Waits until a side channel brought something; false when both have ended.
  bool wait_for_side_channels() {
    if (pipes_[1].get() < 0 && pipes_[2].get() < 0) return false;
    wait_for_any(false);
    drain();
    return true;
  }

  /// What descriptors 2 and 3 wrote and was not taken yet. `messages` keeps its first 4 KiB.
  [[nodiscard]] const std::string& messages() const noexcept { return messages_; }
  [[nodiscard]] std::string& notes() noexcept { return notes_; }

  /// Reads the side channels to their end and reaps the child. Returns its exit status, 128 + n when signal n ended it.
  int wait() {
    pipes_[0].reset();
    while (wait_for_side_channels()) {
    }
    int status = 0;
    pid_t reaped = 0;
    do {
      reaped = ::waitpid(pid_, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    const int failed = errno;
    pid_ = -1;
    if (reaped < 0) throw_os_error("cannot learn how the child process ended (is SIGCHLD ignored?)", failed);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  static void check(int failed) {
    if (failed != 0) throw_os_error("cannot prepare a child process", failed);
  }

  static void make_pipe(unique_fd& reader, unique_fd& writer) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw_os_error("cannot open a pipe", errno);
    const unique_fd low_reader(ends[0]);
    const unique_fd low_writer(ends[1]);
    reader = unique_fd(::fcntl(ends[0], F_DUPFD_CLOEXEC, 10));
    writer = unique_fd(::fcntl(ends[1], F_DUPFD_CLOEXEC, 10));
    if (reader.get() < 0 || writer.get() < 0) throw_os_error("cannot open a pipe", errno);
  }

  void wait_for_any(bool data_too = true) {
    std::array<pollfd, 3> polled{};
    for (std::size_t i = 0; i < 3; ++i) {
      polled[i] = {i == 0 && !data_too ? -1 : pipes_[i].get(), POLLIN, 0};  // poll passes over negative ones
    }
    while (::poll(polled.data(), polled.size(), -1) < 0) {
      if (errno != EINTR) throw_os_error("cannot wait for the child process", errno);
    }
    for (std::size_t i = 0; i < 3; ++i) events_[i] = polled[i].revents;
  }

  void drain() {
    for (std::size_t i = 1; i < 3; ++i) {
      if (events_[i] == 0) continue;
      std::array<char, 4096> block;
      const ssize_t got = ::read(pipes_[i].get(), block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_os_error("cannot read from the child process", errno);
      if (got == 0) pipes_[i].reset();
      std::string& text = i == 1 ? messages_ : notes_;
      auto taken = static_cast<std::size_t>(got);
      if (i == 1) taken = (std::min)(taken, 4096 - std::min<std::size_t>(4096, text.size()));
      text.append(block.data(), taken);
    }
  }

  pid_t pid_ = -1;
  std::array<unique_fd, 3> pipes_;
  std::array<short, 3> events_{};
  std::string messages_;
  std::string notes_;
};

}  // namespace vmt::inline VMT_ABI::media::detail
