// SPDX-License-Identifier: MIT
#include <vmt/train/checkpoint.hpp>

#include "support/simulated_files.hpp"
#include "support/temp_dir.hpp"

#include <doctest/doctest.h>

using vmt::errc;
using vmt::train::checkpoint_pair;
using vmt::train::seal;
using vmt::train::unseal;

namespace {
vmt::io::tensor_file content(float first) {
  vmt::io::tensor_file file;
  const std::array<vmt::index_t, 1> shape{3};
  file.add<float>("w", shape, std::array<float, 3>{first, 2, 3});
  file.metadata["what"] = "a test";
  return file;
}
float first_of(const vmt::io::tensor_file& file) {
  return file.read<float>("w")[0];
}

void flip(const std::filesystem::path& path, std::size_t byte) {
  auto bytes = vmt::read_file(path);
  bytes[byte] ^= std::byte{4};
  vmt::write_file(path, bytes);
}
}  // namespace

TEST_CASE("every flipped bit and every cut of a sealed file is noticed") {
  const std::vector<std::byte> good = seal(content(1));
  CHECK(first_of(unseal(good)) == 1.0F);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::vector<std::byte> bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    CAPTURE(bit);
    CHECK_THROWS_AS(static_cast<void>(unseal(bad)), vmt::error);
  }
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_THROWS_AS(static_cast<void>(unseal({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)})),
                    vmt::error);
  }
}

TEST_CASE("a sealed file is an ordinary safetensors file") {
  CHECK(first_of(vmt::io::tensor_file::parse(seal(content(5)))) == 5.0F);
}

TEST_CASE("the newest whole checkpoint wins") {
  const vmt_test::temp_dir dir;
  checkpoint_pair pair(dir.path());
  CHECK_FALSE(pair.load().has_value());
  CHECK(pair.newest().empty());
  for (int i = 1; i <= 5; ++i) {
    const auto path = pair.save(content(static_cast<float>(i)));
    CHECK(path == pair.newest());
    CHECK(first_of(*checkpoint_pair(dir.path()).load()) == static_cast<float>(i));
  }
  // A damaged newest one: the one before is taken, and the next save replaces the damaged one.
  flip(pair.newest(), 100);
  checkpoint_pair again(dir.path());
  CHECK(first_of(*again.load()) == 4.0F);
  CHECK(again.newest() != pair.newest());
  CHECK(again.save(content(6)) == pair.newest());
  CHECK(first_of(*checkpoint_pair(dir.path()).load()) == 6.0F);
}

TEST_CASE("a pair that was not asked to load still overwrites the older file") {
  const vmt_test::temp_dir dir;
  static_cast<void>(checkpoint_pair(dir.path()).save(content(1)));
  static_cast<void>(checkpoint_pair(dir.path()).save(content(2)));
  static_cast<void>(checkpoint_pair(dir.path()).save(content(3)));
  checkpoint_pair pair(dir.path());
  CHECK(first_of(*pair.load()) == 3.0F);
  flip(pair.newest(), 60);
  CHECK(first_of(*checkpoint_pair(dir.path()).load()) == 2.0F);
}

TEST_CASE("two damaged checkpoints are an error that names both") {
  const vmt_test::temp_dir dir;
  vmt::write_file(dir / "checkpoint.a.safetensors", std::string_view("nothing"));
  vmt::write_file(dir / "checkpoint.b.safetensors", std::string_view(""));
  try {
    static_cast<void>(checkpoint_pair(dir.path()).load());
    FAIL("no error");
  } catch (const vmt::error& e) {
    CHECK(e.code() == errc::bad_format);
    CHECK(std::string(e.what()).find("checkpoint.a") != std::string::npos);
    CHECK(std::string(e.what()).find("checkpoint.b") != std::string::npos);
  }
  static_cast<void>(checkpoint_pair(dir.path()).save(content(9)));
  CHECK(first_of(*checkpoint_pair(dir.path()).load()) == 9.0F);
}

TEST_CASE("after a power loss at any moment of a save the last or the new checkpoint is found whole") {
  constexpr const char* a = "checkpoint.a.safetensors";
  constexpr const char* b = "checkpoint.b.safetensors";
  int states = 0, without_the_new = 0;
  for (int stop = 1;; ++stop) {
    REQUIRE(stop < 100);
    vmt_test::simulated_files files;
    checkpoint_pair pair("", files);
    pair.save(content(1));
    pair.save(content(2));
    files.calls = 0;
    files.most_bytes = 150;
    files.fail_call = stop;
    files.fail_ever_after = true;
    bool saved = true;
    try {
      pair.save(content(3));
    } catch (const vmt::error& e) {
      CHECK(e.code() == errc::io_failure);
      saved = false;
    }
    // The save went over the older file, a; nothing was done to b.
    files.after_power_loss(a, [&](const std::optional<std::string>& found) {
      vmt_test::simulated_files after;
      if (found) after.put(a, *found);
      after.put(b, *files.get(b));
      const auto newest = checkpoint_pair("", after).load();
      REQUIRE(newest.has_value());
      ++states;
      without_the_new += first_of(*newest) == 3 ? 0 : 1;
      CHECK((first_of(*newest) == 3 || (first_of(*newest) == 2 && !saved)));
    });
    if (saved) break;
  }
  CHECK(states > 10);
  CHECK(without_the_new > 0);
}
