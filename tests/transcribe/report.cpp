// SPDX-License-Identifier: MIT
#include <vmt/transcribe/report.hpp>
#include <vmt/transcribe/sink.hpp>

#include "support/temp_dir.hpp"

#include <doctest/doctest.h>

#include <array>

using vmt::index_t;
using vmt::note;
using vmt::transcribe::report_builder;

namespace {

static_assert(vmt::transcribe::note_sink<report_builder>);

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

vmt::frame gray(index_t width, index_t height, double time) {
  vmt::frame f;
  f.resize(width, height);
  f.time = time;
  return f;
}

}  // namespace

TEST_CASE("text of the user never becomes markup or script") {
  const std::string evil = "</script><script>alert(1)</script><img src=x onerror='a'>\"&\x01";
  report_builder report({.title = evil});
  report.fact(evil, evil);
  report.score(evil, 0.5, 0.25, 1.0 / 3);
  const std::string html = report.html();
  CHECK(count(html, "alert(1)") == 6);  // title twice, fact twice, score as card and in the table
  CHECK(
      count(html,
            "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;a&#39;&gt;&quot;&amp; ") ==
      6);
  CHECK(count(html, "<script>") == 2);
  CHECK(count(html, "<img") == 0);
  CHECK(count(html, "33.3 %") == 2);
}

TEST_CASE("the page needs nothing from outside, and its policy forbids it") {
  report_builder report;
  report.strip(gray(80, 10, 0));
  report.probabilities(0, std::vector<float>(88, 0.9F));
  const std::string html = report.html();
  CHECK(count(html, "default-src 'none'") == 1);
  CHECK(count(html, "http://") + count(html, "https://") + count(html, "url(") + count(html, "@import") == 0);
  CHECK(count(html, "data:image/png;base64,iVBORw0KGgo") == 1);  // the signature of PNG
}

TEST_CASE("notes are matched, extra or missed by the pairs that are given") {
  report_builder report;
  for (int i = 0; i < 3; ++i) report({1.0 * i, i + 0.5, 60 + i, 80, 0.5});
  CHECK(count(report.html(), ",0.500,0]") == 3);
  const std::vector<note> reference{{0, 1, 60, 80, 1}, {2, 3, 62, 80, 1}, {7, 8, 70, 80, 1}};
  report.reference(reference, std::vector<std::pair<index_t, index_t>>{{0, 0}, {1, 2}});
  const std::string html = report.html();
  CHECK(count(html, "[0.0000,0.5000,60,80,0.500,1]") == 1);
  CHECK(count(html, "[1.0000,1.5000,61,80,0.500,2]") == 1);
  CHECK(count(html, "[2.0000,2.5000,62,80,0.500,1]") == 1);
  CHECK(count(html, "[7.0000,8.0000,70,80,1.000,3]") == 1);
  CHECK(count(html, "start: 0.0000, end: 8.0000, low: 53, high: 77") == 1);
  const auto refuses = [&](index_t r, index_t f) {
    CHECK_THROWS_AS(report.reference(reference, std::vector<std::pair<index_t, index_t>>{{r, f}}), vmt::error);
  };
  refuses(3, 0);
  refuses(0, 3);
  refuses(-1, 0);
  refuses(0, -1);
}

TEST_CASE("keys above the threshold are marked where they lie in the strip") {
  report_builder report;
  report.strip(gray(520, 100, 2.5));  // ten pixels a white key
  std::vector<float> p(88, 0.1F);
  p[0] = 0.5F;    // A0: the first white key, centre 5
  p[1] = 0.75F;   // A♯0: between the first two, centre 10
  p[87] = 0.99F;  // C8: the last white key, centre 515
  report.probabilities(2.5, p);
  const std::string html = report.html();
  CHECK(count(html, "<rect x=\"0.4\" y=\"64.0\" width=\"9.2\" height=\"36.0\"") == 1);
  CHECK(count(html, "<rect x=\"6.9\" y=\"0.0\" width=\"6.2\" height=\"64.0\"") == 1);
  CHECK(count(html, "<rect x=\"510.4\" y=\"64.0\" width=\"9.2\"") == 1);
  CHECK(count(html, "0:02.50 — A0 0.50, A♯0 0.75, C8 0.99") == 1);
}

TEST_CASE("probabilities are embedded as they are kept") {
  report_builder report({.lowest_key = 60});
  report.probabilities(0, std::array{0.0F, 1.0F});
  report.probabilities(0.5, std::array{0.5F, 0.25F});
  // 0, 254, 127, 64: base64 AP5/QA==
  CHECK(count(report.html(),
              "columns: 2, keys: 2, start: -0.125000, step: 0.500000000, lowest: 60,\nvalues: \"AP5/QA==\"") == 1);
}

TEST_CASE("the size is bounded, and what was left out is said") {
  report_builder report({.columns = 100, .pictures = 2, .notes = 50});
  std::vector<float> p(88, 0.5F);
  for (int i = 0; i < 20'000; ++i) {
    const double t = 0.04 * i;
    if (i % 50 == 0) report.strip(gray(80, 20, t));
    report.probabilities(t, p);
    report({t, t + 0.1, 21 + i % 88, 80, 0.5});
  }
  const std::string html = report.html();
  CHECK(html.size() < 70'000);
  CHECK(count(html, "data:image/png") == 2);
  CHECK(count(html, "<b>20000</b>") >= 1);
  CHECK(count(html, "Only the first 50 of 20000 notes are drawn.") == 1);
}

TEST_CASE("nothing at all still makes a page, what is no note is refused, and the file is written whole") {
  const vmt_test::temp_dir folder;
  report_builder report;
  report.save(folder / "r.html");
  CHECK(vmt::read_file(folder / "r.html").size() == report.html().size());
  CHECK(count(report.html(), "notes: []") == 1);
  CHECK_THROWS_AS(report({std::nan(""), 1, 60, 80, 1}), vmt::error);
  CHECK_THROWS_AS(report({2, 1, 60, 80, 1}), vmt::error);
  CHECK_THROWS_AS(report({0, 1, 128, 80, 1}), vmt::error);
  CHECK_THROWS_AS(report({0, 1, 60, 80, std::nan("")}), vmt::error);
}
