// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <vmt/model/summary.hpp>

#include "support/key_net.hpp"
#include "support/random_net.hpp"

using namespace vmt;

TEST_CASE("the summary has the shapes and the cost that the paper's network is known to have") {
  index_t parameters = 0;
  index_t multiply_adds = 0;
  std::map<std::string, layer_summary> layers;
  for (const layer_summary& l : summarise(onset_net_options{})) {
    parameters += l.parameters;
    multiply_adds += l.multiply_adds;
    layers[l.name] = l;
  }
  CHECK(parameters == 11'965'848);
  CHECK(layers["aggregation"].out == extents<4>{1, 64, 73, 400});
  CHECK(layers["layer3"].out == extents<4>{1, 256, 10, 50});
  CHECK(layers["layer4"].out == extents<4>{1, 512, 5, 25});
  // Counted independently: 457.9 stem, 9.3 aggregation, 1091.2 layer1, 996.2 layer2, 1048.6 layer3, 369.7 slope and
  // fuse, 1048.6 layer4 million.
  CHECK(layers["conv1"].multiply_adds == 457'856'000);
  CHECK(layers["layer1"].multiply_adds == 1'091'174'400);
  CHECK(multiply_adds == doctest::Approx(5.021e9).epsilon(1e-3));
}

TEST_CASE("the summary's parameters are those of the network, for every option") {
  for (const onset_net_options& o : vmt_test::all_options()) {
    index_t parameters = 0;
    for (const layer_summary& l : summarise(o)) parameters += l.parameters;
    CHECK(parameters == onset_net<float>(o).parameters().size());
  }
}

TEST_CASE(
    "a frame of the key-aligned network costs 120 million multiply-adds, and the summary has all its parameters") {
  std::map<std::string, layer_summary> layers;
  index_t multiply_adds = 0;
  for (const layer_summary& l : summarise(key_net_options{})) {
    layers[l.name] = l;
    multiply_adds += l.multiply_adds;
  }
  CHECK(layers["trunk.0"].out == extents<4>{1, 16, 48, 416});
  CHECK(layers["trunk.0"].multiply_adds == 23'961'600);
  CHECK(layers["trunk.2"].multiply_adds == 34'504'704);
  CHECK(layers["columns"].out == extents<4>{1, 64, 1, 208});
  CHECK(layers["white"].multiply_adds == 4'685'824);
  CHECK(layers["temporal.1"].multiply_adds == 1'081'344);
  CHECK(multiply_adds == 119'139'840);
  for (const key_net_options& o : vmt_test::all_key_options()) {
    index_t parameters = 0;
    for (const layer_summary& l : summarise(o)) parameters += l.parameters;
    CHECK(parameters == key_net<float>(o).parameters().size());
  }
}
