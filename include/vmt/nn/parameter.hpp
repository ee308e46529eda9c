// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/tensor/tensor.hpp>

#include <array>
#include <string>
#include <vector>

namespace vmt::inline VMT_ABI::nn {

/// A learnable tensor and its gradient. Alone it owns both; `flat_parameters` moves those of a whole model into one
/// buffer each, and the parameter then points there. A copy owns its numbers.
template <class T, class Backend>
class parameter {
 public:
  template <std::size_t Rank>
  explicit parameter(const extents<Rank>& e) : own_value_(e.size()), own_gradient_(e.size()) {
    for (std::size_t r = 0; r < Rank; ++r) shape_.push_back(e[r]);
    value_ = own_value_.data_handle();
    gradient_ = own_gradient_.data_handle();
  }
  parameter(const parameter& other) : shape_(other.shape_), own_value_(other.size()), own_gradient_(other.size()) {
    value_ = own_value_.data_handle();
    gradient_ = own_gradient_.data_handle();
    Backend::copy(other.value_, value_, other.size());
    Backend::copy(other.gradient_, gradient_, other.size());
  }
  parameter(parameter&&) noexcept = default;
  parameter& operator=(const parameter&) = delete;
  parameter& operator=(parameter&&) noexcept = default;
  ~parameter() = default;

  [[nodiscard]] const std::vector<index_t>& shape() const noexcept { return shape_; }
  [[nodiscard]] index_t size() const noexcept {
    index_t n = 1;
    for (index_t s : shape_) n *= s;
    return n;
  }

  /// The numbers as a tensor of the parameter's own rank.
  template <std::size_t Rank>
  [[nodiscard]] const_view<T, Rank> value() const noexcept {
    return {value_, sizes<Rank>()};
  }
  template <std::size_t Rank>
  [[nodiscard]] tensor_view<T, Rank> value() noexcept {
    return {value_, sizes<Rank>()};
  }
  template <std::size_t Rank>
  [[nodiscard]] tensor_view<T, Rank> gradient() noexcept {
    return {gradient_, sizes<Rank>()};
  }
  /// The same, in memory order.
  [[nodiscard]] tensor_view<T, 1> flat_value() noexcept { return {value_, extents<1>{size()}}; }
  [[nodiscard]] const_view<T, 1> flat_value() const noexcept { return {value_, extents<1>{size()}}; }
  [[nodiscard]] tensor_view<T, 1> flat_gradient() noexcept { return {gradient_, extents<1>{size()}}; }

  /// Moves the numbers to `value` and `gradient`, room for size() numbers each that outlives this parameter's use.
  void bind(T* value, T* gradient) {
    Backend::copy(value_, value, size());
    Backend::copy(gradient_, gradient, size());
    value_ = value;
    gradient_ = gradient;
    own_value_ = {};
    own_gradient_ = {};
  }

 private:
  template <std::size_t Rank>
  [[nodiscard]] extents<Rank> sizes() const noexcept {
    VMT_ASSERT(Rank == shape_.size());
    std::array<index_t, Rank> e{};
    for (std::size_t r = 0; r < Rank; ++r) e[r] = shape_[r];
    return extents<Rank>(e);
  }

  std::vector<index_t> shape_;
  tensor<T, 1, Backend> own_value_;
  tensor<T, 1, Backend> own_gradient_;
  T* value_ = nullptr;
  T* gradient_ = nullptr;
};

/// All parameters of a layer or model in one buffer, all gradients in another: Adam, clipping and saving are one loop.
/// `Layer` has `for_each_parameter(f)` with f(name, parameter&).
template <class T, class Backend>
class flat_parameters {
 public:
  flat_parameters() = default;
  template <class Layer>
  explicit flat_parameters(Layer& layer) {
    index_t total = 0;
    layer.for_each_parameter([&](const std::string&, parameter<T, Backend>& p) { total += p.size(); });
    values_ = tensor<T, 1, Backend>(total);
    gradients_ = tensor<T, 1, Backend>(total);
    index_t at = 0;
    layer.for_each_parameter([&](const std::string&, parameter<T, Backend>& p) {
      p.bind(values_.data_handle() + at, gradients_.data_handle() + at);
      at += p.size();
    });
  }
  [[nodiscard]] tensor_view<T, 1> values() noexcept { return values_.view(); }
  [[nodiscard]] const_view<T, 1> values() const noexcept { return values_.view(); }
  [[nodiscard]] tensor_view<T, 1> gradients() noexcept { return gradients_.view(); }

 private:
  tensor<T, 1, Backend> values_;
  tensor<T, 1, Backend> gradients_;
};

}  // namespace vmt::inline VMT_ABI::nn
