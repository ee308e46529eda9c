// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>
#include <vmt/core/file_system.hpp>

#include <cstddef>      // byte
#include <cstdint>      // uintmax_t
#include <filesystem>   // path
#include <span>         // bytes
#include <string>       // to_string
#include <string_view>  // text
#include <utility>      // exchange
#include <vector>       // content

namespace vmt::inline VMT_ABI {

/// The largest file that `read_file` accepts unless told otherwise: 64 MiB.
inline constexpr std::uintmax_t default_file_limit = std::uintmax_t{64} << 20;

namespace detail {

/// Calls until the operating system was not interrupted by a signal.
template <class F>
std::int64_t uninterrupted(F&& call) {
  std::int64_t outcome = call();
  while (outcome == -EINTR) outcome = call();
  return outcome;
}

inline std::string os_reason(std::int64_t outcome) {
  return std::generic_category().message(static_cast<int>(-outcome));
}

inline std::string quoted(const std::filesystem::path& path) {
  return "'" + path.string() + "'";
}

/// Closes a handle at the end of the scope.
class open_file {
 public:
  open_file(file_system& files, std::int64_t handle) noexcept : files_(files), handle_(handle) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() { files_.close(handle_); }

 private:
  file_system& files_;
  std::int64_t handle_;
};

}  // namespace detail

/// The whole content of a file or pipe. Memory grows with the bytes that arrive, never with a stated size.
/// Throws `not_found`, `io_failure` (a folder is refused by name) or `limit_exceeded`, with the path.
[[nodiscard]] inline std::vector<std::byte> read_file(const std::filesystem::path& path,
                                                      std::uintmax_t limit = default_file_limit,
                                                      file_system& files = posix_file_system()) {
  const std::int64_t handle = detail::uninterrupted([&] { return files.open(path, file_system::access::read); });
  if (handle == -ENOENT || handle == -ENOTDIR) {
    throw error(errc::not_found, "cannot read " + detail::quoted(path) + ": there is no such file; check the path");
  }
  if (handle == -EISDIR) {
    throw error(errc::io_failure,
                "cannot read " + detail::quoted(path) + ": it is a folder, a file was expected; check the path");
  }
  if (handle < 0) {
    throw error(errc::io_failure, "cannot open " + detail::quoted(path) + ": " + detail::os_reason(handle));
  }
  const detail::open_file closed_at_end(files, handle);
  std::vector<std::byte> content;
  std::size_t used = 0;
  for (;;) {
    if (used == content.size()) content.resize(used == 0 ? std::size_t{16} << 10 : used * 2);
    const auto room = std::span(content).subspan(used);
    const std::int64_t got = detail::uninterrupted([&] { return files.read(handle, room); });
    if (got < 0) {
      throw error(errc::io_failure, "cannot read " + detail::quoted(path) + " at byte " + std::to_string(used) + ": " +
                                        detail::os_reason(got));
    }
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > limit) {
      throw error(errc::limit_exceeded, "cannot read " + detail::quoted(path) + ": it has more than the allowed " +
                                            std::to_string(limit) + " bytes; raise the limit if the file is trusted");
    }
  }
  content.resize(used);
  return content;
}

/// A file that appears whole or not at all: bytes go to a temporary file beside the target (`NAME.0.tmp`), and `commit`
/// makes them durable and puts them in the target's place in one step (write, fsync, rename, fsync of the folder).
/// Without `commit` nothing is left behind. After a crash or power loss the target is the old or the new content; a
/// temporary file may remain. Network file systems may promise less.
///
/// A link at the target's place is replaced, not followed; a device or pipe there is refused. Not for use by two
/// threads at once. Every function that throws `io_failure` has removed the temporary file, and the old file is intact.
class atomic_file {
 public:
  /// Throws `io_failure` where the temporary file cannot be made, `not_found` where the folder is missing.
  explicit atomic_file(std::filesystem::path target, file_system& files = posix_file_system())
      : files_(&files), target_(std::move(target)) {
    using std::filesystem::file_type;
    const file_type there = files.type(target_);
    if (target_.filename().empty() || there == file_type::directory) {
      throw error(errc::io_failure, "cannot write " + detail::quoted(target_) + ": it is a folder; add a file name");
    }
    if (there == file_type::block || there == file_type::character || there == file_type::fifo ||
        there == file_type::socket) {
      throw error(errc::io_failure,
                  "cannot write " + detail::quoted(target_) + ": it is a device or pipe, which cannot be replaced");
    }
    std::int64_t opened = -EEXIST;
    for (int attempt = 0; opened == -EEXIST && attempt < 1000; ++attempt) {
      temporary_ = target_;
      temporary_ += "." + std::to_string(attempt) + ".tmp";
      opened = detail::uninterrupted([&] { return files.open(temporary_, file_system::access::create); });
    }
    if (opened < 0) {
      throw error(opened == -ENOENT ? errc::not_found : errc::io_failure,
                  "cannot create " + detail::quoted(temporary_) + ": " + detail::os_reason(opened) +
                      (opened == -EEXIST ? "; remove the left-over temporary files" : "; check the folder"));
    }
    handle_ = opened;
  }

  atomic_file(atomic_file&& other) noexcept
      : files_(other.files_),
        target_(std::move(other.target_)),
        temporary_(std::move(other.temporary_)),
        buffer_(std::move(other.buffer_)),
        written_(other.written_),
        handle_(std::exchange(other.handle_, -1)) {}
  atomic_file& operator=(atomic_file&&) = delete;
  ~atomic_file() { discard(); }

  /// Appends bytes. Throws `io_failure`; `invalid_argument` after `commit`, `discard` or a failure.
  void append(std::span<const std::byte> bytes) {
    require_open();
    if (buffer_.size() + bytes.size() > buffer_limit) flush();
    if (bytes.size() > buffer_limit) {
      write_all(written_, bytes);
      written_ += bytes.size();
    } else {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }
  }
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }

  /// Replaces bytes that were appended before, for headers that state a length. Throws as `append`, and
  /// `invalid_argument` where [offset, offset + bytes.size()) goes beyond `size()`.
  void patch(std::uintmax_t offset, std::span<const std::byte> bytes) {
    require_open();
    if (offset > size() || bytes.size() > size() - offset) {
      throw error(errc::invalid_argument, "cannot patch " + detail::quoted(target_) + " at byte " +
                                              std::to_string(offset) + ": only appended bytes can be replaced");
    }
    flush();
    write_all(offset, bytes);
  }

  /// Puts the new content in place. When the very last step, the folder's fsync, fails, `io_failure` says so: the new
  /// content is then in place but may not outlive a power loss.
  void commit() {
    require_open();
    flush();
    check(detail::uninterrupted([&] { return files_->sync(handle_); }), "sync");
    const std::int64_t closed = files_->close(std::exchange(handle_, -1));
    if (closed < 0 && closed != -EINTR) fail(closed, "close");  // interrupted: closed all the same, and synced before
    const std::int64_t renamed = detail::uninterrupted([&] { return files_->rename(temporary_, target_); });
    if (renamed < 0) fail(renamed, "rename the temporary file to");
    std::filesystem::path folder = target_.parent_path();
    if (folder.empty()) folder = ".";
    const std::int64_t synced = detail::uninterrupted([&] { return files_->sync_directory(folder); });
    if (synced < 0) {
      throw error(errc::io_failure, "cannot sync the folder of " + detail::quoted(target_) + ": " +
                                        detail::os_reason(synced) +
                                        "; the file is in place, but a power loss may undo that");
    }
  }

  /// Drops what was appended; the old file stays. Does nothing after `commit`.
  void discard() noexcept {
    if (handle_ < 0) return;
    files_->close(std::exchange(handle_, -1));
    remove_temporary();
  }

  [[nodiscard]] bool is_open() const noexcept { return handle_ >= 0; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return target_; }
  /// Bytes appended so far.
  [[nodiscard]] std::uintmax_t size() const noexcept { return written_ + buffer_.size(); }

 private:
  static constexpr std::size_t buffer_limit = std::size_t{64} << 10;

  void require_open() const {
    if (handle_ >= 0) return;
    throw error(errc::invalid_argument,
                "cannot write " + detail::quoted(target_) + ": it was committed, discarded or has failed before");
  }
  void flush() {
    write_all(written_, buffer_);
    written_ += buffer_.size();
    buffer_.clear();
  }
  void write_all(std::uintmax_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      std::int64_t wrote = detail::uninterrupted([&] { return files_->write(handle_, offset, bytes); });
      if (wrote == 0) wrote = -EIO;  // no progress: never loop on it
      check(wrote, "write");
      offset += static_cast<std::uintmax_t>(wrote);
      bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
  }
  void check(std::int64_t outcome, const char* step) {
    if (outcome < 0) fail(outcome, step);
  }
  [[noreturn]] void fail(std::int64_t outcome, const char* step) {
    if (handle_ >= 0) files_->close(std::exchange(handle_, -1));
    remove_temporary();
    throw error(errc::io_failure, std::string("cannot ") + step + " " + detail::quoted(target_) + ": " +
                                      detail::os_reason(outcome) + "; a file that was there before is unchanged");
  }
  void remove_temporary() noexcept {
    for (int attempt = 0; attempt < 8 && files_->remove(temporary_) == -EINTR; ++attempt) {
    }
  }

  file_system* files_;
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  std::vector<std::byte> buffer_;
  std::uintmax_t written_ = 0;
  std::int64_t handle_ = -1;
};

/// Writes a whole file as `atomic_file` does: old or new content, never a mixture. Throws `io_failure`, `not_found`.
inline void write_file(const std::filesystem::path& path, std::span<const std::byte> content,
                       file_system& files = posix_file_system()) {
  atomic_file file(path, files);
  file.append(content);
  file.commit();
}
inline void write_file(const std::filesystem::path& path, std::string_view text,
                       file_system& files = posix_file_system()) {
  write_file(path, std::as_bytes(std::span(text)), files);
}

}  // namespace vmt::inline VMT_ABI
