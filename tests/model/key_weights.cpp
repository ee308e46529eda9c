// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/model/key_weights.hpp>
#include <vmt/testing/compare.hpp>

#include "support/key_net.hpp"
#include "support/temp_dir.hpp"
#include "support/tensor_files.hpp"

using namespace vmt;
using vmt_test::with;

namespace {

std::string key_message_of(const io::tensor_file& file) {
  try {
    (void)key_net_of<float>(file, "w.safetensors");
  } catch (const error& e) {
    return std::string(name(e.code())) + ": " + e.what();
  }
  return "loaded";
}

bool says(const std::string& message, const std::string& part) {
  CAPTURE(message);
  CAPTURE(part);
  return message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("weights come back bit for bit, with their options, for every option and precision") {
  const vmt_test::temp_dir dir;
  for (key_net_options o : vmt_test::all_key_options()) {
    o.dropout = 0.1 + 0.01 * static_cast<double>(o.future);
    const auto net = vmt_test::random_key_net<float>(o, 4);
    save_weights(net, dir / "w.safetensors", {.metadata = {{"note", "test"}}});
    CHECK(model_name_of(io::tensor_file::load(dir / "w.safetensors")) == "key_net");
    const key_net<float> back = load_key_net<float>(dir / "w.safetensors");
    CHECK(back.options() == o);
    CHECK(testing::same_bits(back.parameters(), net.parameters()));
    const auto bytes = weights_of(back, {.metadata = {{"note", "test"}}}).serialize();
    CHECK(bytes == weights_of(net, {.metadata = {{"note", "test"}}}).serialize());  // the statistics, too
    for (const io::dtype type : {io::dtype::f16, io::dtype::bf16}) {
      save_weights(net, dir / "half.safetensors", {.type = type});
      const key_net<float> half = load_key_net<float>(dir / "half.safetensors");
      const double far = testing::max_abs_difference(half.parameters(), net.parameters());
      CHECK((far > 0 && far < 0.02));
    }
  }
}

TEST_CASE("a weights file that PyTorch wrote loads, and gives PyTorch's outputs") {
  const key_net<float> net = load_key_net<float>("tests/data/golden/key_net_full_size.safetensors");
  CHECK(net.options() == key_net_options{.channels = {4, 8, 12, 12}, .features = 16, .dropout = 0});
}

TEST_CASE("all tensors that are missing, unknown or of another shape are named at once") {
  const io::tensor_file good = weights_of(vmt_test::random_key_net<float>(vmt_test::all_key_options().front(), 4));
  CHECK(key_message_of(good) == "loaded");
  io::tensor_file bad = with(good, "white.bias", "white.extra", {3});
  bad = with(bad, "head.weight", "head.weight", {5, 8});
  bad = with(bad, "norm.running_var");
  const std::string message = key_message_of(bad);
  CHECK(message.starts_with("inconsistent: w.safetensors: "));
  CHECK(says(message, "missing: white.bias, norm.running_var"));
  CHECK(says(message, "unknown: white.extra"));
  CHECK(says(message, "head.weight is [5, 8], expected [5, 8, 1]"));
}

TEST_CASE("weights that do not give the stored outputs are refused, unless verification is off") {
  const io::tensor_file good = weights_of(vmt_test::random_key_net<float>(vmt_test::all_key_options().front(), 4));
  const io::tensor_file changed = with(good, "head.bias", "head.bias", {5});
  CHECK(says(key_message_of(changed), "gives outputs that differ from the stored ones"));
  CHECK_NOTHROW((void)key_net_of<float>(changed, "w", {.verify = false}));
  CHECK(key_message_of(with(good, "check.keys")) == "loaded");
  CHECK(says(key_message_of(with(good, "check.keys", "check.keys", {3, 2})), "has another shape"));
  CHECK(says(key_message_of(with(good, "check.keys", "check.keys", {8})), "expected [keys, 2]"));
  CHECK(says(key_message_of(with(good, "check.input", "check.input", {1, 3, 3, 32, 24})), "has another shape"));
}

TEST_CASE("metadata that do not describe a network are refused by key") {
  const io::tensor_file good = weights_of(vmt_test::random_key_net<float>(vmt_test::all_key_options().front(), 4));
  const auto altered = [&](const std::string& key, const char* value) {
    io::tensor_file f = with(good, "");
    if (value == nullptr) {
      f.metadata.erase(key);
    } else {
      f.metadata[key] = value;
    }
    return key_message_of(f);
  };
  CHECK(says(altered("vmt.window", nullptr), "lack \"vmt.window\""));
  CHECK(says(altered("vmt.rows", "-16"), "expected a positive number"));
  CHECK(says(altered("vmt.rows", "24"), "multiple of 16"));
  CHECK(says(altered("vmt.future", "9"), "future must be"));
  for (const char* channels : {"", "3", "3,4,5", "3,4,5,", "3,4,5,6,7", "3,4,,6", "3;4;5;6", "3,4,5,x"}) {
    CAPTURE(channels);
    CHECK(says(altered("vmt.channels", channels), "metadata vmt.channels is"));
  }
  CHECK(says(altered("vmt.channels", "3,4,5,9999"), "channels must be"));
  CHECK(says(altered("vmt.dropout", "much"), "expected a number from 0 up to 1"));
  CHECK(says(altered("vmt.dropout", "1"), "dropout must be"));
  CHECK(says(altered("vmt.model", "onset_net"), "expected key_net"));
}
