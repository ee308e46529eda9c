// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/backend/cpu/cpu.hpp>
#include <vmt/model/weights.hpp>

#include <cmath>
#include <cstring>
#include <limits>

#include "support/random_net.hpp"
#include "support/temp_dir.hpp"
#include "support/tensor_files.hpp"

using namespace vmt;
using vmt_test::with;

namespace {

std::string onset_message_of(const io::tensor_file& file) {
  try {
    (void)onset_net_of<float>(file, "w.safetensors");
  } catch (const error& e) {
    return std::string(name(e.code())) + ": " + e.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("weights come back bit for bit, with their options, for every option and precision") {
  const vmt_test::temp_dir dir;
  for (const onset_net_options& o : vmt_test::all_options()) {
    onset_net<float> net = vmt_test::random_net<float>(o, 4);
    save_weights(net, dir / "w.safetensors", {.metadata = {{"note", "test"}}});
    onset_net<float> back = load_onset_net<float>(dir / "w.safetensors");
    CHECK(back.options() == o);
    CHECK(std::memcmp(back.parameters().data_handle(), net.parameters().data_handle(),
                      static_cast<std::size_t>(net.parameters().size()) * sizeof(float)) == 0);
    for (const io::dtype type : {io::dtype::f16, io::dtype::bf16}) {
      save_weights(net, dir / "half.safetensors", {.type = type});
      onset_net<float> half = load_onset_net<float>(dir / "half.safetensors");
      double worst = 0;
      for (index_t i = 0; i < net.parameters().size(); ++i) {
        worst = std::max(
            worst, std::abs(static_cast<double>(half.parameters()(i)) - static_cast<double>(net.parameters()(i))));
      }
      CHECK(worst > 0);
      CHECK(worst < 0.02);
    }
  }
}

TEST_CASE("all tensors that are missing, unknown or of another shape are named at once") {
  const io::tensor_file good = weights_of(vmt_test::random_net<float>({.width = 2, .keys = 12}, 4));
  CHECK(onset_message_of(good) == "loaded");
  io::tensor_file bad = with(good, "fc.bias", "fc.extra", {3});
  bad = with(bad, "layer2.0.conv1.weight", "layer2.0.conv1.weight", {4, 2, 3, 1});
  bad = with(bad, "bn1.running_var");
  const std::string message = onset_message_of(bad);
  CAPTURE(message);
  CHECK(message.starts_with("inconsistent: w.safetensors: "));
  CHECK(message.find("missing: fc.bias, bn1.running_var") != std::string::npos);
  CHECK(message.find("unknown: fc.extra") != std::string::npos);
  CHECK(message.find("layer2.0.conv1.weight is [4, 2, 3, 1], expected [4, 2, 3, 3]") != std::string::npos);
}

TEST_CASE("a file as PyTorch writes it loads: counters are ignored, the check pair may be absent") {
  const io::tensor_file good = weights_of(vmt_test::random_net<float>({.width = 2, .keys = 12}, 4));
  io::tensor_file plain = with(with(good, "check.input"), "check.logits");
  plain.add<std::int64_t>("bn1.num_batches_tracked", {}, std::vector<std::int64_t>{7});
  CHECK(onset_message_of(plain) == "loaded");
}

TEST_CASE("weights that do not give the stored logits are refused, unless verification is off") {
  const io::tensor_file good = weights_of(vmt_test::random_net<float>({.width = 2, .keys = 12}, 4));
  const io::tensor_file changed = with(good, "fc.bias", "fc.bias", {12});
  CHECK(onset_message_of(changed).find("differ from the stored ones") != std::string::npos);
  CHECK_NOTHROW((void)onset_net_of<float>(changed, "w", {.verify = false}));
}

TEST_CASE("metadata that do not describe a network are refused by key") {
  const io::tensor_file good = weights_of(vmt_test::random_net<float>({.width = 2, .keys = 12}, 4));
  const auto altered = [&](const std::string& key, const char* value) {
    io::tensor_file f = with(good, "");
    if (value == nullptr) {
      f.metadata.erase(key);
    } else {
      f.metadata[key] = value;
    }
    return onset_message_of(f);
  };
  CHECK(altered("vmt.stem", nullptr).find("lack \"vmt.stem\"") != std::string::npos);
  CHECK(altered("vmt.variant", "big").find("expected one of resnet, aggregation, slope") != std::string::npos);
  CHECK(altered("vmt.width", "-1").find("expected a positive number") != std::string::npos);
  CHECK(altered("vmt.width", "100000").find("width must be 1") != std::string::npos);
  CHECK(altered("vmt.width", "99999999999999999999").find("expected a positive number") != std::string::npos);
  CHECK(altered("vmt.frames", "4").find("odd") != std::string::npos);
  CHECK(altered("vmt.model", "key_net").find("expected onset_net") != std::string::npos);
}

TEST_CASE("a weight that is not a number is refused") {
  const vmt_test::temp_dir dir;
  onset_net<float> net = vmt_test::random_net<float>({.width = 2, .keys = 12}, 4);
  io::tensor_file file = with(weights_of(net), "fc.bias");
  file.add<float>("fc.bias", std::vector<index_t>{12}, std::vector<float>(12, std::numeric_limits<float>::quiet_NaN()));
  file.save(dir / "nan.safetensors");
  try {
    (void)load_onset_net<float>(dir / "nan.safetensors");
    FAIL("loaded");
  } catch (const error& e) {
    CHECK(e.code() == errc::not_finite);
    CHECK(std::string(e.what()).find("fc.bias") != std::string::npos);
  }
}
