// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file_system.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vmt_test {

/// Files in memory that fail on demand and remember every call, so that the contents which a power loss may leave
/// behind can be enumerated. One folder level: paths are plain keys.
class simulated_files final : public vmt::file_system {
  using path = std::filesystem::path;

 public:
  // What goes wrong. Calls are counted from 1; `type` does not count, it cannot report a failure.
  int fail_call = 0;  ///< this call fails with `fail_errno`
  int fail_errno = EIO;
  bool fail_ever_after = false;       ///< and so do all later ones
  std::size_t most_bytes = SIZE_MAX;  ///< short reads and writes
  int interruptions = 0;              ///< so many −EINTR before each call does its work
  bool forget_sync = false;           ///< a lying device: sync of a file does nothing
  bool forget_sync_directory = false;

  int calls = 0;
  int open_handles = 0;

  void put(const std::string& name, std::string content) {
    names_[name] = inodes_.size();
    inodes_.push_back({content, {}, content});
    settled_names_ = names_;
    operations_.clear();
  }
  [[nodiscard]] std::optional<std::string> get(const std::string& name) const {
    const auto found = names_.find(name);
    if (found == names_.end()) return std::nullopt;
    return inodes_[found->second].now;
  }
  [[nodiscard]] std::size_t count() const { return names_.size(); }

  std::int64_t open(const path& name, access how) override {
    if (const auto failure = trouble(); failure < 0) return failure;
    const auto found = names_.find(name.string());
    if (how == access::read) {
      if (found == names_.end()) return -ENOENT;
      handles_.push_back({found->second, 0});
    } else {
      if (found != names_.end()) return -EEXIST;
      names_[name.string()] = inodes_.size();
      operations_.push_back({name.string(), {}, inodes_.size()});
      handles_.push_back({inodes_.size(), 0});
      inodes_.push_back({});
    }
    ++open_handles;
    return static_cast<std::int64_t>(handles_.size()) - 1;
  }
  std::int64_t read(std::int64_t handle, std::span<std::byte> bytes) override {
    if (const auto failure = trouble(); failure < 0) return failure;
    auto& [file, position] = handles_.at(static_cast<std::size_t>(handle));
    const std::string& content = inodes_[file].now;
    const std::size_t n = std::min({bytes.size(), content.size() - position, most_bytes});
    if (n > 0) std::memcpy(bytes.data(), content.data() + position, n);
    position += n;
    return static_cast<std::int64_t>(n);
  }
  std::int64_t write(std::int64_t handle, std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (const auto failure = trouble(); failure < 0) return failure;
    auto& file = inodes_[handles_.at(static_cast<std::size_t>(handle)).first];
    const std::size_t n = std::min(bytes.size(), most_bytes);
    file.unsynced.push_back(
        {static_cast<std::size_t>(offset), std::string(reinterpret_cast<const char*>(bytes.data()), n)});
    apply(file.now, file.unsynced.back());
    return static_cast<std::int64_t>(n);
  }
  std::int64_t sync(std::int64_t handle) override {
    if (const auto failure = trouble(); failure < 0) return failure;
    auto& file = inodes_[handles_.at(static_cast<std::size_t>(handle)).first];
    if (forget_sync) return 0;
    file.settled = file.now;
    file.unsynced.clear();
    return 0;
  }
  std::int64_t close(std::int64_t handle) override {
    handles_.at(static_cast<std::size_t>(handle)).first = SIZE_MAX;  // using it again is a test failure by exception
    --open_handles;
    return trouble();
  }
  std::int64_t rename(const path& from, const path& to) override {
    if (const auto failure = trouble(); failure < 0) return failure;
    const auto found = names_.find(from.string());
    if (found == names_.end()) return -ENOENT;
    operations_.push_back({to.string(), from.string(), found->second});
    names_[to.string()] = found->second;
    names_.erase(from.string());
    return 0;
  }
  std::int64_t remove(const path& name) override {
    if (const auto failure = trouble(); failure < 0) return failure;
    operations_.push_back({{}, name.string(), 0});
    return names_.erase(name.string()) == 1 ? 0 : -ENOENT;
  }
  std::int64_t sync_directory(const path&) override {
    if (const auto failure = trouble(); failure < 0) return failure;
    if (forget_sync_directory) return 0;
    settled_names_ = names_;
    operations_.clear();
    return 0;
  }
  std::filesystem::file_type type(const path& name) override {
    return names_.contains(name.string()) ? std::filesystem::file_type::regular : std::filesystem::file_type::not_found;
  }

  /// Calls `visit(content)` with everything that `name` may hold if the power fails now: of the unsynced changes of
  /// names any subset is on the device; of the unsynced writes any prefix, the last one torn at any multiple of 512
  /// bytes, or all but one; or the file has its length already but zeros inside. nullopt: the name is gone.
  template <class F>
  void after_power_loss(const std::string& name, F&& visit) const {
    for (std::size_t kept = 0; kept < (std::size_t{1} << operations_.size()); ++kept) {
      auto names = settled_names_;
      for (std::size_t i = 0; i < operations_.size(); ++i) {
        if ((kept >> i & 1U) == 0) continue;
        names.erase(operations_[i].from);
        if (!operations_[i].to.empty()) names[operations_[i].to] = operations_[i].inode;
      }
      const auto found = names.find(name);
      if (found == names.end()) {
        visit(std::optional<std::string>{});
        continue;
      }
      const inode& file = inodes_[found->second];
      for (std::size_t whole = 0; whole <= file.unsynced.size(); ++whole) {
        std::string content = file.settled;
        for (std::size_t i = 0; i < whole; ++i) apply(content, file.unsynced[i]);
        visit(std::optional(content));
        if (whole == file.unsynced.size()) break;
        for (std::size_t cut = 512; cut < file.unsynced[whole].bytes.size(); cut += 512) {
          std::string torn = content;
          apply(torn, {file.unsynced[whole].offset, file.unsynced[whole].bytes.substr(0, cut)});
          visit(std::optional(torn));
        }
        std::string all_but_one = content;
        for (std::size_t i = whole + 1; i < file.unsynced.size(); ++i) apply(all_but_one, file.unsynced[i]);
        visit(std::optional(all_but_one));
      }
      std::string zeros = file.settled;
      zeros.resize(file.now.size(), '\0');
      visit(std::optional(zeros));
    }
  }

 private:
  struct change {
    std::size_t offset;
    std::string bytes;
  };
  struct inode {
    std::string now;
    std::vector<change> unsynced;
    std::string settled;
  };
  struct name_change {
    std::string to;
    std::string from;
    std::size_t inode;
  };

  std::int64_t trouble() {
    if (interrupted_ < interruptions) {
      ++interrupted_;
      return -EINTR;
    }
    interrupted_ = 0;
    ++calls;
    const bool fails = calls == fail_call || (fail_ever_after && fail_call > 0 && calls > fail_call);
    return fails ? -fail_errno : 0;
  }
  static void apply(std::string& content, const change& c) {
    if (content.size() < c.offset + c.bytes.size()) content.resize(c.offset + c.bytes.size(), '\0');
    content.replace(c.offset, c.bytes.size(), c.bytes);
  }

  std::map<std::string, std::size_t> names_;
  std::map<std::string, std::size_t> settled_names_;
  std::vector<name_change> operations_;
  std::vector<inode> inodes_;
  std::vector<std::pair<std::size_t, std::size_t>> handles_;
  int interrupted_ = 0;
};

}  // namespace vmt_test
