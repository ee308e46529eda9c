// SPDX-License-Identifier: MIT
#include <vmt/io/npy.hpp>

#include <doctest/doctest.h>

#include "io/code_of.hpp"
#include "support/simulated_files.hpp"
#include "support/temp_dir.hpp"

#include <string>
#include <string_view>

using vmt::errc;
using vmt::index_t;
using vmt::io::dtype;
using vmt_test::code_of;

namespace {

std::filesystem::path seed(const std::string& name) {
  return "tests/fuzz/corpus/npy/" + name + ".npy";
}

/// A version 1 file of a header and so many zero bytes.
std::vector<std::byte> with_header(std::string_view dict, std::size_t data) {
  std::string text = "\x93NUMPY\x01";
  text += '\0';
  text += static_cast<char>(dict.size());
  text += '\0';
  text += dict;
  std::vector<std::byte> bytes(text.size() + data);
  std::transform(text.begin(), text.end(), bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

std::string content(const std::filesystem::path& path) {
  const auto bytes = vmt::read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("NumPy's files are read, of every type and both versions") {
  const auto f4 = vmt::io::load_npy(seed("f4"));
  CHECK(f4.shape == std::vector<index_t>{2, 3});
  CHECK(f4.read<float>() == std::vector<float>{0, 1, 2, 3, 4, 5});
  CHECK(f4.read<double>()[5] == 5.0);
  CHECK(vmt::io::load_npy(seed("f8")).shape.empty());
  CHECK(vmt::io::load_npy(seed("f8")).read<double>() == std::vector<double>{2.5});
  CHECK(vmt::io::load_npy(seed("u1")).shape == std::vector<index_t>{0, 88});
  CHECK(vmt::io::load_npy(seed("u1")).read<std::uint8_t>().empty());
  CHECK(vmt::io::load_npy(seed("i4")).read<std::int32_t>() == std::vector<std::int32_t>{-5, 5});
  CHECK(vmt::io::load_npy(seed("i8")).read<std::int64_t>() == std::vector<std::int64_t>{std::int64_t{1} << 62});
  CHECK(vmt::io::load_npy(seed("version-2")).read<float>() == std::vector<float>{0, 1, 2});
  CHECK(code_of([] { (void)vmt::io::load_npy(seed("i4")).read<float>(); }) == errc::unsupported);
}

TEST_CASE("kinds of files that are not handled are named") {
  std::string sentence;
  CHECK(code_of([] { (void)vmt::io::load_npy(seed("fortran")); }, sentence) == errc::unsupported);
  CHECK(sentence.find("fortran.npy") != std::string::npos);
  CHECK(sentence.find("column-major") != std::string::npos);
  CHECK(code_of([] { (void)vmt::io::load_npy(seed("big-endian")); }, sentence) == errc::unsupported);
  CHECK(sentence.find("'>f4'") != std::string::npos);
  CHECK(code_of([] { (void)vmt::io::load_npy(seed("record")); }, sentence) == errc::unsupported);
  CHECK(sentence.find("records") != std::string::npos);
  CHECK(code_of([] { (void)vmt::io::load_npy(seed("none")); }) == errc::not_found);
}

TEST_CASE("written arrays are byte for byte what NumPy writes") {
  const vmt_test::temp_dir folder;
  vmt::io::save_npy<float>(folder / "a", std::vector<index_t>{2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5});
  CHECK(content(folder / "a") == content(seed("f4")));
  vmt::io::save_npy<double>(folder / "a", {}, std::vector<double>{2.5});
  CHECK(content(folder / "a") == content(seed("f8")));
  vmt::io::save_npy<std::int32_t>(folder / "a", std::vector<index_t>{2}, std::vector<std::int32_t>{-5, 5});
  CHECK(content(folder / "a") == content(seed("i4")));
  vmt::io::save_npy<std::uint8_t>(folder / "a", std::vector<index_t>{0, 88}, std::span<const std::uint8_t>{});
  CHECK(content(folder / "a") == content(seed("u1")));
  CHECK(code_of([&] {
          vmt::io::save_npy<float>(folder / "a", std::vector<index_t>{3}, std::vector<float>{1, 2});
        }) == errc::shape_mismatch);
  CHECK(code_of([&] {
          vmt::io::save_npy<std::int8_t>(folder / "b", std::vector<index_t>{1}, std::vector<std::int8_t>{1});
        }) == errc::unsupported);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("the dict of the header may be in any order and spacing") {
  const auto array = vmt::io::parse_npy(with_header("{ \"shape\" :(2,3,),'fortran_order':False, 'descr':'<i4'}\n", 24));
  CHECK(array.type == dtype::i32);
  CHECK(array.shape == std::vector<index_t>{2, 3});
}

TEST_CASE("what breaks the format is refused with its own sentence") {
  struct wrong {
    std::string_view dict;
    std::size_t data;
    errc code;
    std::string_view sentence;
  };
  for (const wrong& w : {
           wrong{"", 0, errc::bad_format, "npy: the header has '' where '{' was expected"},
           wrong{"{}", 0, errc::bad_format, "npy: the header lacks one of the keys descr, fortran_order and shape"},
           wrong{"{'shape': (1,), 'shape': (1,)}", 0, errc::bad_format,
                 "npy: the header has the key 'shape' twice or does not know it"},
           wrong{"{'shapes': (1,)}", 0, errc::bad_format,
                 "npy: the header has the key 'shapes' twice or does not know it"},
           wrong{"{shape: (1,)}", 0, errc::bad_format,
                 "npy: the header has 'shape: (1,)}' where a text in quotes was expected"},
           wrong{"{'shape", 0, errc::bad_format,
                 "npy: the header has ''shape' where a text with a closing quote was expected"},
           wrong{"{'shape' (1,)}", 0, errc::bad_format, "npy: the header has '(1,)}' where ':' was expected"},
           wrong{"{'shape': [1]}", 0, errc::bad_format, "npy: the header has '[1]}' where '(' was expected"},
           wrong{"{'shape': (1 2)}", 0, errc::bad_format, "npy: the header has '2)}' where ',' or ')' was expected"},
           wrong{"{'shape': (-1,)}", 0, errc::bad_format,
                 "npy: the header has '-1,)}' where a size that fits was expected"},
           wrong{"{'shape': (9223372036854775808,)}", 0, errc::bad_format,
                 "npy: the header has '922337203685' where a size that fits was expected"},
           wrong{"{'shape': (3)}", 0, errc::bad_format, "npy: the shape is not a tuple: '(3)' for '(3,)'"},
           wrong{"{'shape': (1,1,1,1,1,1,1,1,1)}", 0, errc::limit_exceeded,
                 "npy: more than 8 dimensions (npy_options::max_rank)"},
           wrong{"{'fortran_order': 0}", 0, errc::bad_format,
                 "npy: the header has '0}' where True or False was expected"},
           wrong{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 8, errc::bad_format,
                 "npy: the header has 'x' where the end was expected"},
           wrong{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 8, errc::bad_format,
                 "npy: the header has '' where '}' was expected"},
           wrong{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7, errc::bad_format,
                 "npy: shape [2] of F32 needs 8 bytes, the file has 7"},
           wrong{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, errc::bad_format,
                 "npy: shape [2] of F32 needs 8 bytes, the file has 9"},
       }) {
    CAPTURE(w.dict);
    std::string sentence;
    CHECK(code_of([&] { (void)vmt::io::parse_npy(with_header(w.dict, w.data)); }, sentence) == w.code);
    CHECK(sentence == w.sentence);
  }
  const auto wrapping =
      with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (4194305, 4194305, 211106198978564)}", 16);
  CHECK(code_of([&] { (void)vmt::io::parse_npy(wrapping); }) == errc::limit_exceeded);
}

TEST_CASE("the start of the file and the limits are checked") {
  const auto good = with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 1);
  const auto code_with = [&](std::size_t at, unsigned value) {
    auto bytes = good;
    bytes[at] = static_cast<std::byte>(value);
    return code_of([&] { (void)vmt::io::parse_npy(bytes); });
  };
  CHECK(code_of([&] { (void)vmt::io::parse_npy(good); }) == errc{});
  CHECK(code_with(0, 0) == errc::bad_format);
  CHECK(code_with(6, 3) == errc::unsupported);
  CHECK(code_with(7, 1) == errc::unsupported);
  CHECK(code_with(9, 0xFF) == errc::bad_format);
  CHECK(code_of([&] { (void)vmt::io::parse_npy(good, {.max_header_bytes = 10}); }) == errc::limit_exceeded);
  CHECK(code_of([&] { (void)vmt::io::parse_npy(good, {.max_file_bytes = 10}); }) == errc::limit_exceeded);
  CHECK(code_of([&] { (void)vmt::io::load_npy(seed("f4"), {.max_file_bytes = 10}); }) == errc::limit_exceeded);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(code_of([&] { (void)vmt::io::parse_npy(cut); }) == errc::bad_format);
  }
}

TEST_CASE("rows are written one after the other, and the file appears at commit with their number") {
  const vmt_test::temp_dir folder;
  const auto path = folder / "p.npy";
  vmt::io::npy_writer writer(path, std::vector<index_t>{3}, dtype::f32);
  for (int i = 0; i < 1234; ++i) {
    const auto x = static_cast<float>(i);
    writer.append<float>(std::vector<float>{x, x + 0.5F, -x});
  }
  writer.append<float>(std::vector<float>(6, 9.0F));
  CHECK(writer.rows() == 1236);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(code_of([&] { writer.append<float>(std::vector<float>(4)); }) == errc::shape_mismatch);
  CHECK(code_of([&] { writer.append<double>(std::vector<double>(3)); }) == errc::invalid_argument);
  writer.commit();
  CHECK(code_of([&] { writer.append<float>(std::vector<float>(3)); }) == errc::invalid_argument);
  const auto array = vmt::io::load_npy(path);
  CHECK(array.shape == std::vector<index_t>{1236, 3});
  const auto values = array.read<float>();
  CHECK(values[3 * 1233 + 1] == 1233.5F);
  CHECK(values.back() == 9.0F);
}

TEST_CASE("no rows, scalar rows and abandoned files are handled") {
  const vmt_test::temp_dir folder;
  { vmt::io::npy_writer(folder / "a", std::vector<index_t>{3}, dtype::f64).commit(); }
  CHECK(vmt::io::load_npy(folder / "a").shape == std::vector<index_t>{0, 3});
  vmt::io::npy_writer scalars(folder / "a", {}, dtype::u8);
  scalars.append<std::uint8_t>(std::vector<std::uint8_t>{7, 8});
  scalars.commit();
  CHECK(vmt::io::load_npy(folder / "a").read<std::uint8_t>() == std::vector<std::uint8_t>{7, 8});
  {
    vmt::io::npy_writer abandoned(folder / "b", {}, dtype::u8);
    abandoned.append<std::uint8_t>(std::vector<std::uint8_t>{7});
  }
  CHECK(code_of([&] { vmt::io::npy_writer(folder / "b", {}, dtype::f16); }) == errc::unsupported);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("when the n-th call fails while rows are written, it is reported and the old file is intact") {
  const auto write = [](vmt_test::simulated_files& files) {
    vmt::io::npy_writer writer("p", std::vector<index_t>{5000}, dtype::f64, files);
    for (int i = 0; i < 4; ++i) writer.append<double>(std::vector<double>(5000));
    writer.commit();
  };
  vmt_test::simulated_files counted;
  write(counted);
  for (int n = 1; n < counted.calls; ++n) {
    CAPTURE(n);
    vmt_test::simulated_files files;
    files.put("p", "old");
    files.fail_call = n;
    CHECK(code_of([&] { write(files); }) == errc::io_failure);
    CHECK(files.get("p") == "old");
    CHECK(files.count() == 1);
    CHECK(files.open_handles == 0);
  }
}
