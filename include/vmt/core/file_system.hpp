// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <algorithm>   // min
#include <cerrno>      // errno
#include <cstddef>     // byte
#include <cstdint>     // int64_t, uint64_t
#include <filesystem>  // path, rename, remove
#include <span>        // bytes
#include <system_error>

#include <fcntl.h>     // open
#include <sys/stat.h>  // fstat
#if defined(_WIN32)
#include <io.h>  // _wopen, _read, _write, _commit, _close
#else
#include <unistd.h>  // read, pwrite, fsync, close
#endif

namespace vmt::inline VMT_ABI {

/// The calls by which vmt touches files, one virtual function each, so that tests can inject faults and simulate power
/// loss. Every function that returns a number returns −errno on failure; a call may be interrupted (−EINTR) and may
/// read or write fewer bytes than asked: the callers in file.hpp handle both. Handles are ≥ 0.
class file_system {
 public:
  enum class access {
    read,   ///< an existing file, from its start
    create  ///< a new file for writing; −EEXIST where the name is taken (a dangling link counts)
  };

  virtual ~file_system() = default;
  /// A handle, or −errno; a folder is −EISDIR.
  virtual std::int64_t open(const std::filesystem::path& path, access how) = 0;
  /// How many of the next bytes were read; 0 at the end.
  virtual std::int64_t read(std::int64_t handle, std::span<std::byte> bytes) = 0;
  /// How many bytes were written at `offset`.
  virtual std::int64_t write(std::int64_t handle, std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  /// Returns when the content is on the device.
  virtual std::int64_t sync(std::int64_t handle) = 0;
  /// The handle is gone afterwards, whatever is returned.
  virtual std::int64_t close(std::int64_t handle) = 0;
  /// Replaces `to` in one step.
  virtual std::int64_t rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual std::int64_t remove(const std::filesystem::path& path) = 0;
  /// Returns when the names in the folder (renames, new files) are on the device.
  virtual std::int64_t sync_directory(const std::filesystem::path& folder) = 0;
  /// What a path leads to, links followed; `file_type::none` when that cannot be said.
  virtual std::filesystem::file_type type(const std::filesystem::path& path) = 0;

 protected:
  file_system() = default;
  file_system(const file_system&) = default;
  file_system& operator=(const file_system&) = default;
};

namespace detail {

/// The operating system's files. On Windows the C runtime's functions of the same names; there a folder cannot be
/// synced.
class posix_files final : public file_system {
  using path = std::filesystem::path;

 public:
  std::int64_t open(const path& name, access how) override {
#if defined(_WIN32)
    std::error_code ignored;
    if (how == access::read && std::filesystem::is_directory(name, ignored)) return -EISDIR;
    const int flags = how == access::read ? _O_RDONLY : (_O_WRONLY | _O_CREAT | _O_EXCL);
    return result(::_wopen(name.c_str(), flags | _O_BINARY | _O_NOINHERIT, _S_IREAD | _S_IWRITE));
#else
    const int flags = how == access::read ? O_RDONLY : (O_WRONLY | O_CREAT | O_EXCL);
    const int file = ::open(name.c_str(), flags | O_CLOEXEC, 0666);  // the user's umask decides
    if (file < 0) return -errno;
    struct stat about {};
    if (::fstat(file, &about) == 0 && S_ISDIR(about.st_mode)) {
      ::close(file);
      return -EISDIR;
    }
    return file;
#endif
  }

  std::int64_t read(std::int64_t handle, std::span<std::byte> bytes) override {
#if defined(_WIN32)
    return result(::_read(static_cast<int>(handle), bytes.data(), static_cast<unsigned>(portion(bytes.size()))));
#else
    return result(::read(static_cast<int>(handle), bytes.data(), portion(bytes.size())));
#endif
  }

  std::int64_t write(std::int64_t handle, std::uint64_t offset, std::span<const std::byte> bytes) override {
#if defined(_WIN32)
    if (::_lseeki64(static_cast<int>(handle), static_cast<std::int64_t>(offset), SEEK_SET) < 0) return -errno;
    return result(::_write(static_cast<int>(handle), bytes.data(), static_cast<unsigned>(portion(bytes.size()))));
#else
    return result(::pwrite(static_cast<int>(handle), bytes.data(), portion(bytes.size()), static_cast<off_t>(offset)));
#endif
  }

  std::int64_t sync(std::int64_t handle) override {
#if defined(_WIN32)
    return result(::_commit(static_cast<int>(handle)));
#else
    return result(::fsync(static_cast<int>(handle)));
#endif
  }

  std::int64_t close(std::int64_t handle) override {
#if defined(_WIN32)
    return result(::_close(static_cast<int>(handle)));
#else
    return result(::close(static_cast<int>(handle)));
#endif
  }

  std::int64_t rename(const path& from, const path& to) override {
    std::error_code failure;
    std::filesystem::rename(from, to, failure);
    return -failure.default_error_condition().value();
  }

  std::int64_t remove(const path& name) override {
    std::error_code failure;
    std::filesystem::remove(name, failure);
    return -failure.default_error_condition().value();
  }

  std::int64_t sync_directory([[maybe_unused]] const path& folder) override {
#if defined(_WIN32)
    return 0;
#else
    const int file = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return errno == EACCES ? 0 : -errno;  // a folder that may be written but not listed
    std::int64_t outcome = result(::fsync(file));
    if (outcome == -EINVAL || outcome == -EROFS) outcome = 0;  // a file system that does not sync folders
    ::close(file);
    return outcome;
#endif
  }

  std::filesystem::file_type type(const path& name) override {
    std::error_code ignored;
    return std::filesystem::status(name, ignored).type();
  }

 private:
  static std::size_t portion(std::size_t n) noexcept {
    return (std::min)(n, std::size_t{1} << 30);
  }
  static std::int64_t result(std::int64_t returned) noexcept {
    return returned < 0 ? -errno : returned;
  }
};

}  // namespace detail

/// The file system of the machine; it has no state and may be used from any thread.
[[nodiscard]] inline file_system& posix_file_system() {
  static detail::posix_files files;
  return files;
}

}  // namespace vmt::inline VMT_ABI
