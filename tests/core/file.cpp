// SPDX-License-Identifier: MIT
#include <vmt/core/file.hpp>

#include <doctest/doctest.h>

#include "support/simulated_files.hpp"
#include "support/temp_dir.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <sys/stat.h>  // mkfifo

namespace {

using vmt_test::simulated_files;

std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string read_text(const std::filesystem::path& path) {
  return text(vmt::read_file(path));
}

template <class F>
vmt::errc code_of(F&& call, std::string* sentence = nullptr) {
  try {
    call();
  } catch (const vmt::error& e) {
    if (sentence != nullptr) *sentence = e.what();
    return e.code();
  }
  return vmt::errc{};
}

/// More than one write: three pieces, of which the last goes past the buffer.
void write_in_pieces(simulated_files& files, const std::string& content) {
  vmt::atomic_file file("target", files);
  file.append(std::string_view(content).substr(0, 1000));
  file.append(std::string_view(content).substr(1000, 1000));
  file.append(std::string_view(content).substr(2000));
  file.commit();
}
const std::string new_content(70'000, 'n');

}  // namespace

TEST_CASE("a written file reads back, and writing again replaces it whole") {
  const vmt_test::temp_dir folder;
  const auto path = folder / "a.bin";
  vmt::write_file(path, "a longer first content");
  CHECK(read_text(path) == "a longer first content");
  vmt::write_file(path, std::string_view("x\0y", 3));
  CHECK(read_text(path) == std::string("x\0y", 3));
  vmt::write_file(path, "");
  CHECK(read_text(path).empty());
  std::string large(300'000, 'z');
  large[123'456] = '!';
  vmt::write_file(path, large);
  CHECK(read_text(path) == large);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("reading refuses missing files, folders and files over the limit, and names the path") {
  const vmt_test::temp_dir folder;
  std::string sentence;
  CHECK(code_of([&] { (void)vmt::read_file(folder / "absent"); }, &sentence) == vmt::errc::not_found);
  CHECK(sentence.find((folder / "absent").string()) != std::string::npos);
  CHECK(code_of([&] { (void)vmt::read_file(folder.path()); }, &sentence) == vmt::errc::io_failure);
  CHECK(sentence.find("folder") != std::string::npos);
  vmt::write_file(folder / "ten", "0123456789");
  CHECK(vmt::read_file(folder / "ten", 10).size() == 10);
  CHECK(code_of([&] { (void)vmt::read_file(folder / "ten", 9); }, &sentence) == vmt::errc::limit_exceeded);
  CHECK(sentence.find((folder / "ten").string()) != std::string::npos);
  CHECK(code_of([&] { (void)vmt::read_file(folder / "ten" / "below a file"); }) == vmt::errc::not_found);
}

TEST_CASE("an endless device is cut off at the limit although its stated size is zero") {
  CHECK(code_of([] { (void)vmt::read_file("/dev/zero", 100'000); }) == vmt::errc::limit_exceeded);
  CHECK(vmt::read_file("/dev/null").empty());
  CHECK_FALSE(vmt::read_file("/proc/self/status").empty());
}

TEST_CASE("writing refuses folders, devices, pipes and missing folders") {
  const vmt_test::temp_dir folder;
  std::string sentence;
  CHECK(code_of([&] { vmt::write_file(folder.path(), "x"); }) == vmt::errc::io_failure);
  CHECK(code_of([&] { vmt::write_file(folder.path() / "", "x"); }) == vmt::errc::io_failure);
  CHECK(code_of([&] { vmt::write_file("/dev/null", "x"); }, &sentence) == vmt::errc::io_failure);
  CHECK(sentence.find("/dev/null") != std::string::npos);
  CHECK(std::filesystem::is_character_file("/dev/null"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(code_of([&] { vmt::write_file(folder / "pipe", "x"); }) == vmt::errc::io_failure);
  CHECK(code_of([&] { vmt::write_file(folder / "no" / "file", "x"); }) == vmt::errc::not_found);
}

TEST_CASE("a left-over temporary file is neither used nor touched") {
  const vmt_test::temp_dir folder;
  std::ofstream(folder / "a.0.tmp") << "somebody else's";
  vmt::write_file(folder / "a", "mine");
  CHECK(read_text(folder / "a") == "mine");
  CHECK(read_text(folder / "a.0.tmp") == "somebody else's");
}

TEST_CASE("a link at the place of the target is replaced and what it led to is untouched") {
  const vmt_test::temp_dir folder;
  vmt::write_file(folder / "kept", "kept");
  std::filesystem::create_symlink(folder / "kept", folder / "link");
  vmt::write_file(folder / "link", "new");
  CHECK(read_text(folder / "kept") == "kept");
  CHECK(read_text(folder / "link") == "new");
}

TEST_CASE("an atomic file without commit leaves nothing, and is closed to writing after commit") {
  const vmt_test::temp_dir folder;
  const auto path = folder / "a";
  {
    vmt::atomic_file file(path);
    file.append("half");
    CHECK(file.size() == 4);
  }
  CHECK(std::filesystem::is_empty(folder.path()));
  vmt::atomic_file file(path);
  file.append("0123456789");
  CHECK_FALSE(std::filesystem::exists(path));
  file.patch(3, std::as_bytes(std::span("abc", 3)));
  file.append("!");
  CHECK(code_of([&] { file.patch(9, std::as_bytes(std::span("abc", 3))); }) == vmt::errc::invalid_argument);
  vmt::atomic_file moved = std::move(file);
  moved.commit();
  CHECK(read_text(path) == "012abc6789!");
  CHECK_FALSE(moved.is_open());
  CHECK(code_of([&] { moved.append("x"); }) == vmt::errc::invalid_argument);
  CHECK(code_of([&] { moved.commit(); }) == vmt::errc::invalid_argument);
}

TEST_CASE(
    "when the n-th call fails while writing, it is reported, the old file is intact and no temporary file is left") {
  simulated_files counted;
  counted.put("target", "old");
  write_in_pieces(counted, new_content);
  CHECK(counted.get("target") == new_content);
  CHECK(counted.calls >= 6);  // open, writes, sync, close, rename, sync of the folder

  for (const int reason : {EIO, ENOSPC, EMFILE}) {
    for (int n = 1; n <= counted.calls; ++n) {
      CAPTURE(reason);
      CAPTURE(n);
      simulated_files files;
      files.put("target", "old");
      files.fail_call = n;
      files.fail_errno = reason;
      std::string sentence;
      CHECK(code_of([&] { write_in_pieces(files, new_content); }, &sentence) == vmt::errc::io_failure);
      CHECK(sentence.find("target") != std::string::npos);
      CHECK(sentence.find(std::generic_category().message(reason)) != std::string::npos);
      CHECK(files.get("target") == (n < counted.calls ? "old" : new_content));  // only the folder's sync comes later
      CHECK(files.count() == 1);
      CHECK(files.open_handles == 0);
    }
  }
}

TEST_CASE("when everything fails from the n-th call on, the old file is still intact") {
  for (int n = 1; n <= 6; ++n) {
    simulated_files files;
    files.put("target", "old");
    files.fail_call = n;
    files.fail_ever_after = true;
    CHECK(code_of([&] { write_in_pieces(files, new_content); }) == vmt::errc::io_failure);
    CHECK(files.get("target") == "old");
    CHECK(files.open_handles == 0);
  }
}

TEST_CASE("interrupted and short calls are carried on") {
  simulated_files files;
  files.interruptions = 2;
  files.most_bytes = 7;
  const std::string content = new_content.substr(0, 5000);
  write_in_pieces(files, content);
  CHECK(files.get("target") == content);
  CHECK(files.count() == 1);
  CHECK(text(vmt::read_file("target", 5000, files)) == content);
  CHECK(code_of([&] { (void)vmt::read_file("target", 4999, files); }) == vmt::errc::limit_exceeded);
  CHECK(files.open_handles == 0);
}

TEST_CASE("a device that takes no bytes is an error, not an endless loop") {
  simulated_files files;
  files.most_bytes = 0;
  CHECK(code_of([&] { vmt::write_file("target", "x", files); }) == vmt::errc::io_failure);
  CHECK(files.count() == 0);
}

TEST_CASE("when the n-th call fails while reading, it is reported; a failing close after all was read is not") {
  simulated_files counted;
  counted.put("target", new_content);
  (void)vmt::read_file("target", vmt::default_file_limit, counted);
  for (int n = 1; n < counted.calls; ++n) {
    simulated_files files;
    files.put("target", new_content);
    files.fail_call = n;
    std::string sentence;
    CHECK(code_of([&] { (void)vmt::read_file("target", vmt::default_file_limit, files); }, &sentence) ==
          vmt::errc::io_failure);
    CHECK(sentence.find("target") != std::string::npos);
    CHECK(files.open_handles == 0);
  }
  simulated_files files;
  files.put("target", new_content);
  files.fail_call = counted.calls;
  CHECK(text(vmt::read_file("target", vmt::default_file_limit, files)) == new_content);
}

namespace {

struct power_losses {
  int states = 0;
  int neither = 0;  // neither the old nor the new content
  int old_after_success = 0;
};

/// Cuts the power before every call of a write, and after it returned; looks at all contents that may be found then.
power_losses lose_power(bool forget_sync, bool forget_sync_directory) {
  std::string content = new_content.substr(0, 5000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 26);
  power_losses seen;
  for (int stop = 1; stop <= 100; ++stop) {
    simulated_files files;
    files.put("target", "old");
    files.most_bytes = 1700;
    files.forget_sync = forget_sync;
    files.forget_sync_directory = forget_sync_directory;
    files.fail_call = stop;  // no later call reaches the device: the same as the power being gone
    files.fail_ever_after = true;
    const bool success = code_of([&] { vmt::write_file("target", content, files); }) == vmt::errc{};
    files.after_power_loss("target", [&](const std::optional<std::string>& found) {
      ++seen.states;
      if (found != "old" && found != content) ++seen.neither;
      if (success && found != content) ++seen.old_after_success;
    });
    if (success) return seen;
  }
  return seen;
}

}  // namespace

TEST_CASE(
    "after a power loss at any moment the file is the old or the new one, and the new one once the call returned") {
  const auto honest = lose_power(false, false);
  CHECK(honest.states > 30);
  CHECK(honest.neither == 0);
  CHECK(honest.old_after_success == 0);
}

TEST_CASE("the simulation of power losses sees the harm where a sync is left out") {
  CHECK(lose_power(true, false).neither > 0);
  CHECK(lose_power(false, true).old_after_success > 0);
}
