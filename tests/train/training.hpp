// SPDX-License-Identifier: MIT
// What tests of the training ask of any network.
#pragma once

#include <vmt/train/trainer.hpp>

#include <vector>

namespace vmt_test {

/// All parameters of the network, then all running statistics.
template <class Net>
std::vector<float> weights_of(Net& net) {
  vmt::train::snapshot s;
  s.take(net);
  s.parameters.insert(s.parameters.end(), s.buffers.begin(), s.buffers.end());
  return s.parameters;
}

/// Watches a training and stops it after so many batches.
struct stop_after_batches {
  vmt::index_t left;
  bool on_batch(const vmt::train::batch_info&) { return --left == 0; }
};

}  // namespace vmt_test
