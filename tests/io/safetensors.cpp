// SPDX-License-Identifier: MIT
#include <vmt/io/safetensors.hpp>

#include <doctest/doctest.h>

#include "io/code_of.hpp"
#include "support/simulated_files.hpp"
#include "support/temp_dir.hpp"

#include <limits>
#include <string>
#include <string_view>

using vmt::errc;
using vmt::index_t;
using vmt::io::dtype;
using vmt::io::tensor_file;
using vmt_test::code_of;

namespace {

/// A file of a header and so many zero bytes of data.
std::vector<std::byte> with_json(std::string_view header, std::size_t data) {
  std::vector<std::byte> bytes;
  vmt::io::detail::store(bytes, static_cast<std::uint64_t>(header.size()));
  for (const char c : header) bytes.push_back(static_cast<std::byte>(c));
  bytes.resize(bytes.size() + data);
  return bytes;
}

errc parse_code(std::span<const std::byte> bytes, std::string& sentence,
                const vmt::io::safetensors_options& options = {}) {
  return code_of([&] { (void)tensor_file::parse(bytes, options); }, sentence);
}

tensor_file small_file() {
  tensor_file file;
  file.metadata = {{"format", "pt"}, {"vmt.model", "a \"quoted\"\nname"}};
  file.add<float>("conv", std::vector<index_t>{2, 2}, std::vector<float>{0.5F, -1.0F, 2.0F, 3.0F});
  file.add_as(dtype::f16, "half", std::vector<index_t>{3}, std::vector<float>{1.0F, 2.0F, -0.25F});
  file.add<std::int64_t>("steps", {}, std::vector<std::int64_t>{5});
  file.add<std::uint8_t>("bytes", std::vector<index_t>{3}, std::vector<std::uint8_t>{1, 2, 3});
  file.add<float>("empty", std::vector<index_t>{0, 4}, std::span<const float>{});
  return file;
}

bool equal(const tensor_file& a, const tensor_file& b) {
  return a.metadata == b.metadata && std::equal(a.entries().begin(), a.entries().end(), b.entries().begin(),
                                                b.entries().end(), [](const auto& x, const auto& y) {
                                                  return x.name == y.name && x.type == y.type && x.shape == y.shape &&
                                                         x.bytes == y.bytes;
                                                });
}

}  // namespace

TEST_CASE("a file of the Python package is read, every type of it") {
  const auto file = tensor_file::load("tests/fuzz/corpus/safetensors/torch.safetensors");
  const std::vector<float> ramp{-0.5F, -0.25F, 0.0F, 0.25F, 0.5F, 0.75F};
  CHECK(file.entries().size() == 10);
  CHECK(file.at("conv1.weight").shape == std::vector<index_t>{2, 3});
  for (const char* name : {"conv1.weight", "half", "brain", "double"}) CHECK(file.read<float>(name) == ramp);
  CHECK(file.read<double>("double")[1] == -0.25);
  CHECK(file.at("half").type == dtype::f16);
  CHECK(file.at("brain").type == dtype::bf16);
  CHECK(file.read<std::int64_t>("bn1.num_batches_tracked") == std::vector<std::int64_t>{7});
  CHECK(file.at("bn1.num_batches_tracked").shape.empty());
  CHECK(file.read<std::int32_t>("int") == std::vector<std::int32_t>{INT32_MIN});
  CHECK(file.read<std::int8_t>("small") == std::vector<std::int8_t>{-128, 127});
  CHECK(file.read<std::uint8_t>("bytes") == std::vector<std::uint8_t>{0, 255});
  CHECK(file.read<std::uint8_t>("mask") == std::vector<std::uint8_t>{1, 0, 1});
  CHECK(file.at("empty").shape == std::vector<index_t>{0, 4});
  CHECK(file.metadata.at("format") == "pt");
  CHECK(file.metadata.at("ton\xC3\xA9") == "\xE6\x97\xA5 \"x\"\n");
  CHECK(tensor_file::load("tests/fuzz/corpus/safetensors/none.safetensors").entries().empty());
}

TEST_CASE("a written file reads back equal, from memory and from disk") {
  const vmt_test::temp_dir folder;
  const tensor_file file = small_file();
  CHECK(equal(tensor_file::parse(file.serialize()), file));
  file.save(folder / "w.safetensors");
  CHECK(equal(tensor_file::load(folder / "w.safetensors"), file));
  const auto torch = tensor_file::load("tests/fuzz/corpus/safetensors/torch.safetensors");
  CHECK(equal(tensor_file::parse(torch.serialize()), torch));
  CHECK(equal(tensor_file::parse(tensor_file{}.serialize()), tensor_file{}));
}

TEST_CASE("written bytes do not depend on the order of adding, and every tensor is aligned to its elements") {
  tensor_file one;
  tensor_file other;
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  const std::vector<float> values{1.0F, 2.0F, 3.0F};
  const std::vector<index_t> shape{3};
  one.add<std::uint8_t>("a", shape, bytes);
  one.add<float>("b", shape, values);
  one.add<double>("c", {}, std::vector<double>{4.0});
  other.add<double>("c", {}, std::vector<double>{4.0});
  other.add<float>("b", shape, values);
  other.add<std::uint8_t>("a", shape, bytes);
  CHECK(one.serialize() == other.serialize());

  const auto file = one.serialize();
  const auto header_size = vmt::io::detail::load<std::uint64_t>(file, 0);
  CHECK(header_size % 8 == 0);
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + 8, header_size);
  CHECK(
      header.starts_with("{\"c\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
                         "\"b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]},"
                         "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[20,23]}}"));
}

TEST_CASE("every rule for headers is kept, with its own sentence") {
  struct wrong {
    std::string_view header;
    std::size_t data;
    errc code;
    std::string_view sentence;
  };
  for (const wrong& w : {
           wrong{"", 0, errc::bad_format, "the header does not start with '{'"},
           wrong{" {}", 0, errc::bad_format, "the header does not start with '{'"},
           wrong{"{} x", 0, errc::bad_format,
                 "the header is not valid: JSON: expected the end after the value at byte 3 of the header"},
           wrong{R"({"a":1,"a":2})", 0, errc::bad_format,
                 "the header is not valid: JSON: the name \"a\" appears twice in one object at byte 7 of the header"},
           wrong{
               R"({"a":[[[[1]]]]})", 0, errc::limit_exceeded,
               "the header is not valid: JSON: deeper than 4 levels (json_options::max_depth) at byte 8 of the header"},
           wrong{R"({"a":1})", 0, errc::bad_format, "tensor 'a': JSON: expected object, found integer"},
           wrong{R"({"__metadata__":{"a":1}})", 0, errc::bad_format,
                 "tensor '__metadata__': JSON: expected string, found integer"},
           wrong{R"({"a":{"dtype":"F32","shape":[]}})", 4, errc::bad_format,
                 "tensor 'a': JSON: the member \"data_offsets\" is missing"},
           wrong{R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":0}})", 4, errc::bad_format,
                 "tensor 'a': expected dtype, shape and data_offsets only"},
           wrong{R"({"a":{"dtype":"F8_E4M3","shape":[],"data_offsets":[0,1]}})", 1, errc::unsupported,
                 "tensor 'a': the dtype 'F8_E4M3' is not supported"},
           wrong{R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, errc::bad_format,
                 "tensor 'a': JSON: expected integer, found number"},
           wrong{R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, errc::bad_format,
                 "tensor 'a': a size of the shape is negative"},
           wrong{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, errc::bad_format,
                 "tensor 'a': expected two data_offsets"},
           wrong{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 4, errc::bad_format,
                 "tensor 'a': the data_offsets 0, 8 are outside the 4 bytes of data"},
           wrong{R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}})", 4, errc::bad_format,
                 "tensor 'a': the data_offsets 4, 0 are outside the 4 bytes of data"},
           wrong{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4, errc::bad_format,
                 "tensor 'a': the data_offsets -4, 0 are outside the 4 bytes of data"},
           wrong{R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, errc::bad_format,
                 "tensor 'a': shape [2] of F32 needs 8 bytes, data_offsets give 4"},
           wrong{R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                 R"("b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})",
                 4, errc::bad_format,
                 "tensor 'b': starts at byte 3 of the data, 2 was expected: there must be no hole and no overlap"},
           wrong{R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                 R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                 3, errc::bad_format,
                 "tensor 'b': starts at byte 1 of the data, 2 was expected: there must be no hole and no overlap"},
           wrong{R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 3, errc::bad_format,
                 "the tensors end at byte 2 of the data, which has 3 bytes"},
           wrong{"{}", 1, errc::bad_format, "the tensors end at byte 0 of the data, which has 1 bytes"},
           wrong{R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1, errc::limit_exceeded,
                 "9 dimensions in a tensor, the limit is 8 (safetensors_options::max_rank)"},
       }) {
    CAPTURE(w.header);
    std::string sentence;
    CHECK(parse_code(with_json(w.header, w.data), sentence) == w.code);
    CHECK(sentence == "safetensors: " + std::string(w.sentence));
  }
}

TEST_CASE("a shape whose product wraps round in 64 bits is refused") {
  std::string sentence;
  CHECK(code_of([] { (void)tensor_file::load("tests/fuzz/corpus/safetensors/wrapping.safetensors"); }, sentence) ==
        errc::limit_exceeded);
  CHECK(sentence.find("wrapping.safetensors") != std::string::npos);
  CHECK(sentence.find("tensor 'a'") != std::string::npos);
}

TEST_CASE("tensors without elements may share a place with others, at the start, between and at the end") {
  const auto file = tensor_file::parse(with_json(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
      R"("b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
      R"("c":{"dtype":"F32","shape":[3,0],"data_offsets":[2,2]},"d":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},)"
      R"("e":{"dtype":"I64","shape":[0],"data_offsets":[3,3]}})",
      3));
  CHECK(file.entries().size() == 5);
  std::string sentence;
  CHECK(parse_code(with_json(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                             R"("b":{"dtype":"F32","shape":[0],"data_offsets":[1,1]}})",
                             2),
                   sentence) == errc::bad_format);
}

TEST_CASE("stated sizes are checked against the file and the limits") {
  std::string sentence;
  CHECK(parse_code(std::vector<std::byte>(7), sentence) == errc::bad_format);
  CHECK(sentence == "safetensors: the file has 7 bytes, at least 8 were expected");
  auto bytes = with_json("{}", 0);
  bytes[0] = std::byte{3};
  CHECK(parse_code(bytes, sentence) == errc::bad_format);
  CHECK(sentence ==
        "safetensors: the header states 3 bytes, the file has only 2 after byte 8; it is cut short or of "
        "another kind");
  std::fill(bytes.begin(), bytes.begin() + 8, std::byte{0xFF});
  CHECK(parse_code(bytes, sentence) == errc::limit_exceeded);
  CHECK(sentence ==
        "safetensors: the header states 18446744073709551615 bytes, the limit is 1048576 "
        "(safetensors_options::max_header_bytes); is it a safetensors file?");

  const auto whole = small_file().serialize();
  const auto size = std::ssize(whole);
  CHECK(parse_code(whole, sentence, {.max_file_bytes = size}) == errc{});
  CHECK(parse_code(whole, sentence, {.max_file_bytes = size - 1}) == errc::limit_exceeded);
  CHECK(parse_code(whole, sentence, {.max_tensors = 5}) == errc{});
  CHECK(parse_code(whole, sentence, {.max_tensors = 4}) == errc::limit_exceeded);
  CHECK(sentence == "safetensors: 5 tensors, the limit is 4 (safetensors_options::max_tensors)");
  CHECK(parse_code(whole, sentence, {.max_name_bytes = 5}) == errc{});
  CHECK(parse_code(whole, sentence, {.max_name_bytes = 4}) == errc::limit_exceeded);
  CHECK(parse_code(whole, sentence, {.max_rank = 2}) == errc{});
  CHECK(parse_code(whole, sentence, {.max_rank = 1}) == errc::limit_exceeded);
}

TEST_CASE("NaN and infinity are refused unless they are allowed, in every floating type") {
  std::string sentence;
  CHECK(code_of([] { (void)tensor_file::load("tests/fuzz/corpus/safetensors/nan.safetensors"); }, sentence) ==
        errc::not_finite);
  CHECK(sentence.find("tensor 'x': element 1 is NaN or infinite") != std::string::npos);
  CHECK(std::isnan(tensor_file::load("tests/fuzz/corpus/safetensors/nan.safetensors", {.require_finite = false})
                       .read<float>("x")[1]));
  for (const dtype type : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16}) {
    for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      tensor_file file;
      file.add_as(type, "x", std::vector<index_t>{3}, std::vector<float>{0.0F, 1.0F, bad});
      CHECK(parse_code(file.serialize(), sentence) == errc::not_finite);
      CHECK(parse_code(file.serialize(), sentence, {.require_finite = false}) == errc{});
    }
  }
}

TEST_CASE("a truth value is 0 or 1") {
  auto bytes = with_json(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", 2);
  bytes.back() = std::byte{1};
  CHECK(tensor_file::parse(bytes).read<std::uint8_t>("a") == std::vector<std::uint8_t>{0, 1});
  bytes.back() = std::byte{2};
  std::string sentence;
  CHECK(parse_code(bytes, sentence) == errc::bad_format);
  CHECK(sentence == "safetensors: tensor 'a': a BOOL element is neither 0 nor 1");
}

TEST_CASE("any single flipped bit and any cut gives an error or a sound file") {
  const auto whole = small_file().serialize();
  const auto sound = [](const tensor_file& file) {
    for (const auto& entry : file.entries()) {
      if (std::ssize(entry.bytes) != vmt::io::detail::element_count(entry.shape) * size_of(entry.type)) return false;
    }
    return equal(tensor_file::parse(file.serialize()), file);
  };
  int refused = 0;
  int unsound = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    try {
      unsound += sound(tensor_file::parse(bytes)) ? 0 : 1;
    } catch (const vmt::error&) {
      ++refused;
    }
  }
  CHECK(unsound == 0);
  CHECK(refused > 1000);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    // A block of exactly this size, so that a sanitizer sees any step beyond it.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(code_of([&] { (void)tensor_file::parse(cut); }) != errc{});
  }
}

TEST_CASE("saving reports a fault of the device and keeps the old file") {
  vmt_test::simulated_files files;
  files.put("w", "old");
  files.fail_call = 2;
  files.fail_errno = ENOSPC;
  CHECK(code_of([&] { small_file().save("w", files); }) == errc::io_failure);
  CHECK(files.get("w") == "old");
  small_file().save("w", files);
  CHECK(equal(tensor_file::load("w", {}, files), small_file()));
  std::string sentence;
  CHECK(code_of([&] { (void)tensor_file::load("w", {.max_file_bytes = 10}, files); }) == errc::limit_exceeded);
  CHECK(code_of([&] { (void)tensor_file::load("none", {}, files); }, sentence) == errc::not_found);
  CHECK(sentence.find("none") != std::string::npos);
}

TEST_CASE("metadata that is not UTF-8 cannot be written") {
  tensor_file file;
  file.metadata["a"] = "\xFF";
  CHECK(code_of([&] { (void)file.serialize(); }) == errc::invalid_argument);
}
