// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/tensor.hpp>

#include <string>
#include <vector>

namespace vmt::inline VMT_ABI::nn {

/// n numbers from memory of one backend to that of another.
template <class From, class To, class T>
void copy_between(const T* from, T* to, index_t n) {
  if constexpr (std::is_same_v<From, To>) {
    To::copy(from, to, n);
  } else if constexpr (From::host_accessible) {
    To::write(to, from, n);
  } else if constexpr (To::host_accessible) {
    From::read(from, to, n);
  } else {
    host_buffer<T> numbers(n);
    From::read(from, numbers.data(), n);
    To::write(to, numbers.data(), n);
  }
}

/// What one network has learnt, to another of the same options on any backend: parameters, and the running statistics
/// of batch norm. Throws `shape_mismatch` if their numbers differ.
///
///     vmt::onset_net<float, vmt::cuda> there(net.options());
///     vmt::nn::copy_weights(net, there);
template <class From, class To>
void copy_weights(const From& from, To& to) {
  using T = typename To::value_type;
  using from_backend = typename From::backend;
  using to_backend = typename To::backend;
  std::vector<const_view<T, 1>> source;
  // Networks show their buffers for writing only.
  const_cast<From&>(from).for_each_buffer([&](const std::string&, tensor_view<T, 1> b) { source.push_back(b); });
  source.push_back(from.parameters());
  std::vector<tensor_view<T, 1>> target;
  to.for_each_buffer([&](const std::string&, tensor_view<T, 1> b) { target.push_back(b); });
  target.push_back(to.parameters());
  const auto same = [](const auto& a, const auto& b) { return a.size() == b.size(); };
  if (!std::equal(source.begin(), source.end(), target.begin(), target.end(), same)) {
    throw error(errc::shape_mismatch, "copy_weights: the two networks have not the same parameters");
  }
  for (std::size_t i = 0; i < source.size(); ++i) {
    copy_between<from_backend, to_backend>(source[i].data_handle(), target[i].data_handle(), source[i].size());
  }
}

}  // namespace vmt::inline VMT_ABI::nn
