// SPDX-License-Identifier: MIT
#include <vmt/train/key_loss.hpp>

#include "support/golden.hpp"

#include <vmt/testing/gradient_check.hpp>

#include <doctest/doctest.h>

using namespace vmt;
using namespace vmt_test;
using vmt::train::key_loss;
using vmt::train::key_targets;

TEST_CASE("the loss of key_net and its gradient are PyTorch's") {
  for (const char* const name : {"key_loss_mixed", "key_loss_silent"}) {
    const golden g(name);
    const auto y = g.tensor<double, 4>("y");
    const auto targets = g.tensor<double, 2>("targets");
    cpu_tensor<double, 4> dy(y.extents());
    const double loss = key_loss<double>(y, targets, dy, {.share = {1.0, 0.7, 0.4, 0.1, 0.1}});  // the golden's
    CHECK(loss == doctest::Approx(g.numbers<double>("loss")[0]).epsilon(1e-12));
    check_golden<double>(g, "dy", dy.span(), 1e-12);
  }
}

TEST_CASE("the gradient of key_net's loss agrees with central differences, with other shares too") {
  const golden g("key_loss_mixed");
  auto y = g.tensor<double, 4>("y");
  const auto targets = g.tensor<double, 2>("targets");
  cpu_tensor<double, 4> dy(y.extents()), unused(y.extents());
  const train::key_loss_options options{.share = {0.5, 2, 1, 3, 4}, .positive = {1, 2, 3}, .edge = 1};
  static_cast<void>(key_loss<double>(y, targets, dy, options));
  const auto loss = [&] { return key_loss<double>(y, targets, unused, options); };
  const auto report = testing::check_gradient(y.span(), dy.span(), loss, {.max_elements = 270});
  CAPTURE(report.where);
  CHECK(report.worst < 1e-6);
}

TEST_CASE("the loss of right outputs is small, of extreme wrong ones finite") {
  cpu_tensor<double, 4> y(1, 1, key_outputs, 6), dy(1, 1, key_outputs, 6);
  cpu_tensor<double, 2> row(1, key_targets<double>::size(1, 6));
  const key_targets<double> t(row.span(), 1, 6);
  t.at(0, key_output::onset, 3) = 1;
  t.at(0, key_output::held, 4) = 1;
  t.at(0, key_output::velocity, 3) = 1;
  t.at(0, key_output::place, 3) = 0.5;
  const auto set = [&](double sure) {
    for (index_t o = 0; o < key_outputs; ++o) {
      for (index_t f = 0; f < 6; ++f) {
        y(0, 0, o, f) = o == 4 ? 0.5 : (t.at(0, static_cast<key_output>(o), f) > 0 ? sure : -sure);
      }
    }
  };
  set(30);
  CHECK(key_loss<double>(y, row, dy) < 1e-9);
  set(-1000);
  const double wrong = key_loss<double>(y, row, dy);
  CHECK(std::isfinite(wrong));
  CHECK(wrong > 1000);
}

TEST_CASE("sizes that do not go together are refused") {
  cpu_tensor<double, 4> y(1, 2, key_outputs, 6), dy(1, 2, key_outputs, 6), four(1, 2, 4, 6);
  cpu_tensor<double, 2> row(1, key_targets<double>::size(2, 6)), less(1, key_targets<double>::size(2, 6) - 1);
  CHECK_NOTHROW(static_cast<void>(key_loss<double>(y, row, dy)));
  CHECK_THROWS_AS(static_cast<void>(key_loss<double>(y, less, dy)), error);
  CHECK_THROWS_AS(static_cast<void>(key_loss<double>(y, row, four)), error);
  CHECK_THROWS_AS(static_cast<void>(key_loss<double>(y, row, dy, {.edge = 3})), error);
}
