// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <vmt/io/safetensors.hpp>
#include <vmt/tensor/tensor.hpp>
#include <vmt/testing/compare.hpp>

#include <charconv>
#include <string>
#include <type_traits>
#include <vector>

namespace vmt_test {

/// How far a result may be from PyTorch's in double, in units of the largest expected value: one operation, and a
/// network.
template <class T>
inline constexpr double golden_tolerance = std::is_same_v<T, float> ? 2e-6 : 1e-12;

/// One file of tests/data/golden; its README.md says what is in it.
class golden {
 public:
  explicit golden(const std::string& name)
      : name_(name), file_(vmt::io::tensor_file::load("tests/data/golden/" + name + ".safetensors")) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool has(const std::string& tensor) const { return file_.find(tensor) != nullptr; }

  template <class T>
  [[nodiscard]] std::vector<T> numbers(const std::string& tensor) const {
    return file_.read<T>(tensor);
  }
  template <class T, std::size_t R>
  [[nodiscard]] vmt::cpu_tensor<T, R> tensor(const std::string& tensor) const {
    const auto& shape = file_.at(tensor).shape;
    REQUIRE(shape.size() == R);
    std::array<vmt::index_t, R> sizes{};
    std::copy(shape.begin(), shape.end(), sizes.begin());
    vmt::cpu_tensor<T, R> t{vmt::extents<R>(sizes)};
    const std::vector<T> values = numbers<T>(tensor);
    std::copy(values.begin(), values.end(), t.span().begin());
    return t;
  }

  [[nodiscard]] const std::string& text(const std::string& key) const { return file_.metadata.at(key); }
  [[nodiscard]] double number(const std::string& key) const { return std::stod(text(key)); }
  [[nodiscard]] vmt::index_t integer(const std::string& key) const {
    const double value = number(key);
    REQUIRE(value == static_cast<double>(static_cast<vmt::index_t>(value)));
    return static_cast<vmt::index_t>(value);
  }

  /// Copies the tensors of their names into all parameters of a layer or network; every shape must fit.
  template <class T, class Layer>
  void fill_parameters(Layer& layer) const {
    layer.for_each_parameter([&](const std::string& parameter, auto& p) {
      CAPTURE(parameter);
      REQUIRE(file_.at(parameter).shape == p.shape());
      const std::vector<T> values = numbers<T>(parameter);
      std::copy(values.begin(), values.end(), p.flat_value().span().begin());
    });
  }
  /// The same, and the running statistics.
  template <class T, class Net>
  void fill(Net& net) const {
    fill_parameters<T>(net);
    net.for_each_buffer([&](const std::string& buffer, vmt::tensor_view<T, 1> b) {
      const std::vector<T> values = numbers<T>(buffer);
      REQUIRE(values.size() == static_cast<std::size_t>(b.size()));
      std::copy(values.begin(), values.end(), b.span().begin());
    });
  }

 private:
  std::string name_;
  vmt::io::tensor_file file_;
};

/// Fails unless `found` equals the tensor of the file.
template <class T, class Found>
void check_golden(const golden& g, const std::string& tensor, const Found& found,
                  double tolerance = golden_tolerance<T>) {
  INFO(g.name() << ": " << tensor);
  CHECK(vmt::testing::normalised_difference(found, g.numbers<double>(tensor)) <= tolerance);
}

}  // namespace vmt_test
