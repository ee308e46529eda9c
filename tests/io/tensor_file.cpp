// SPDX-License-Identifier: MIT
#include <vmt/io/tensor_file.hpp>

#include <doctest/doctest.h>

#include "io/code_of.hpp"

#include <limits>
#include <string>

using vmt::errc;
using vmt::index_t;
using vmt::io::dtype;
using vmt::io::tensor_file;
using vmt_test::code_of;

namespace {

const std::vector<float> six{1.0F, 2.5F, -3.0F, 4.0F, 5.0F, 0.0F};
const std::vector<index_t> two_by_three{2, 3};

}  // namespace

TEST_CASE("tensors are kept by name and read as they were added") {
  tensor_file file;
  file.add<float>("b", two_by_three, six);
  file.add<std::int64_t>("a", {}, std::vector<std::int64_t>{-7});
  file.add<std::uint8_t>("c", std::vector<index_t>{0, 9}, std::span<const std::uint8_t>{});
  REQUIRE(file.entries().size() == 3);
  CHECK(file.entries()[0].name == "a");
  CHECK(file.entries()[2].name == "c");
  CHECK(file.read<float>("b") == six);
  CHECK(file.read<double>("b") == std::vector<double>(six.begin(), six.end()));
  CHECK(file.read<std::int64_t>("a") == std::vector<std::int64_t>{-7});
  CHECK(file.read<std::uint8_t>("c").empty());
  CHECK(file.at("b").shape == two_by_three);
  CHECK(file.at("b").size() == 6);
  CHECK(file.at("a").size() == 1);
  CHECK(file.find("d") == nullptr);
}

TEST_CASE("float values are stored in narrower and wider types") {
  tensor_file file;
  for (const dtype type : {dtype::f16, dtype::bf16, dtype::f32, dtype::f64}) {
    file.add_as(type, vmt::io::name(type), two_by_three, six);
    CHECK(file.at(vmt::io::name(type)).type == type);
    CHECK(file.at(vmt::io::name(type)).size() == 6);
    CHECK(file.read<float>(vmt::io::name(type)) == six);  // all six are exact in each type
  }
  const std::vector<float> third{1.0F / 3.0F};
  file.add_as(dtype::f16, "third", {}, third);
  CHECK(file.read<float>("third")[0] == 0x1.554p-2F);
}

TEST_CASE("what does not fit is refused and the file stays as it was") {
  tensor_file file;
  file.add<float>("a", two_by_three, six);
  std::string sentence;
  CHECK(code_of([&] { file.add<float>("a", two_by_three, six); }, sentence) == errc::invalid_argument);
  CHECK(sentence == "safetensors: the tensor name 'a' is taken, reserved or not UTF-8; choose another");
  CHECK(code_of([&] { file.add<float>("__metadata__", two_by_three, six); }) == errc::invalid_argument);
  CHECK(code_of([&] { file.add<float>("\xFF", two_by_three, six); }) == errc::invalid_argument);
  CHECK(code_of([&] { file.add<float>("b", std::vector<index_t>{7}, six); }, sentence) == errc::shape_mismatch);
  CHECK(sentence == "safetensors: tensor 'b' of shape [7] does not have 6 elements");
  CHECK(code_of([&] { file.add<float>("b", std::vector<index_t>{-2, -3}, six); }) == errc::limit_exceeded);
  CHECK(code_of([&] { file.add({"b", dtype::f32, {1}, std::vector<std::byte>(5)}); }) == errc::shape_mismatch);
  CHECK(code_of([&] { file.add_as(dtype::i32, "b", two_by_three, six); }) == errc::unsupported);
  const std::vector<float> large{1.0F, 70000.0F};
  CHECK(code_of([&] { file.add_as(dtype::f16, "b", std::vector<index_t>{2}, large); }, sentence) == errc::not_finite);
  CHECK(sentence == "safetensors: tensor 'b': element 1 is too large for F16");
  const std::vector<float> largest{std::numeric_limits<float>::max()};
  CHECK(code_of([&] { file.add_as(dtype::bf16, "b", std::vector<index_t>{1}, largest); }) == errc::not_finite);
  CHECK(file.entries().size() == 1);

  CHECK(code_of([&] { (void)file.at("x\n"); }, sentence) == errc::not_found);
  CHECK(sentence == "safetensors: there is no tensor 'x?' among the 1 of the file");
  CHECK(code_of([&] { (void)file.read<std::int32_t>("a"); }, sentence) == errc::unsupported);
  CHECK(sentence == "safetensors: tensor 'a': elements of type F32 cannot be read as I32");
}
