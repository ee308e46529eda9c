// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "support/golden.hpp"

#include <vmt/nn/plateau.hpp>

using namespace vmt;
using namespace vmt_test;

TEST_CASE("the learning rate falls when PyTorch's ReduceLROnPlateau lets it fall") {
  for (const char* const name : {"reduce_lr_on_plateau", "reduce_lr_on_plateau_cooldown"}) {
    const golden g(name);
    nn::plateau_schedule schedule(
        {g.number("factor"), g.integer("patience"), g.number("threshold"), g.number("min_lr"), g.integer("cooldown")});
    double rate = g.number("lr");
    std::vector<double> rates;
    for (const double loss : g.numbers<double>("losses")) rates.push_back(rate = schedule.update(loss, rate));
    check_golden<double>(g, "learning_rates", rates, 1e-15);
    CHECK(rates.back() < rates.front());
  }
}

TEST_CASE("patience forgives so many epochs, an improvement below the threshold counts as none") {
  nn::plateau_schedule schedule({.factor = 0.5, .patience = 2, .threshold = 0.1, .minimum = 0.3});
  CHECK(schedule.update(10, 1) == 1);
  CHECK(schedule.update(9.5, 1) == 1);  // 5 %: none
  CHECK(schedule.update(9.4, 1) == 1);
  CHECK(schedule.update(9.3, 1) == 0.5);
  CHECK(schedule.update(8, 0.5) == 0.5);
  CHECK(schedule.current().best == 8);
  CHECK(schedule.current().bad_epochs == 0);
  for (int i = 0; i < 2; ++i) CHECK(schedule.update(8, 0.5) == 0.5);
  CHECK(schedule.update(8, 0.5) == 0.3);  // not below the minimum
}

TEST_CASE("a NaN is no improvement") {
  nn::plateau_schedule schedule({.patience = 0});
  CHECK(schedule.update(1, 1) == 1);
  CHECK(schedule.update(std::numeric_limits<double>::quiet_NaN(), 1) == doctest::Approx(0.1).scale(0));
  CHECK(schedule.current().best == 1);
}

TEST_CASE("a schedule continues from its saved state") {
  nn::plateau_schedule a({.patience = 1}), b({.patience = 1});
  static_cast<void>(a.update(1, 1));
  static_cast<void>(a.update(2, 1));
  b.restore(a.current());
  CHECK(a.update(2, 1) == doctest::Approx(0.1).scale(0));
  CHECK(b.update(2, 1) == doctest::Approx(0.1).scale(0));
}
