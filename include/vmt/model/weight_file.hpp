// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/io/number.hpp>
#include <vmt/io/safetensors.hpp>
#include <vmt/tensor/tensor.hpp>

#include <cmath>
#include <set>

/// \file
/// What the weights files of all networks have in common.

namespace vmt::inline VMT_ABI {

/// How weights are written.
struct save_options {
  io::dtype type =
      io::dtype::f32;  ///< f32, f64, f16 or bf16 for the parameters; statistics of batch norm stay f32 or f64
  /// More metadata: who trained it, on what. Names with the prefix `vmt.` are the library's.
  std::map<std::string, std::string> metadata = {};
};

/// How weights are read.
struct load_options {
  bool verify = true;  ///< run the stored input and compare the logits, where the file has them
};

namespace detail {

[[nodiscard]] inline std::string shape_text(const std::vector<index_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

/// f(name, shape, numbers) for every tensor of a model's weights file.
template <class Model, class F>
void for_each_weight(Model& model, F f) {
  using T = typename Model::value_type;
  model.for_each_parameter([&](const std::string& name, auto& p) { f(name, p.shape(), p.flat_value(), true); });
  model.for_each_buffer(
      [&](const std::string& name, tensor_view<T, 1> b) { f(name, std::vector<index_t>{b.size()}, b, false); });
}

template <class T>
void add_weight(io::tensor_file& file, io::dtype type, const std::string& name, const std::vector<index_t>& shape,
                std::span<const T> numbers) {
  if (type == io::dtype::f64) {
    file.add<double>(name, shape, std::vector<double>(numbers.begin(), numbers.end()));
    return;
  }
  std::vector<float> values(numbers.size());
  std::transform(numbers.begin(), numbers.end(), values.begin(), [](T v) { return static_cast<float>(v); });
  file.add_as(type, name, shape, values);
}

/// Copies the tensors of `file` into the model. Throws one `inconsistent` error that names every tensor that is
/// missing, unknown or of another shape; the model then keeps its numbers. `where` begins the message.
template <class Model>
void read_weights(Model& model, const io::tensor_file& file, const std::string& where) {
  using T = typename Model::value_type;
  std::set<std::string> known;
  std::string missing, unknown, shapes;
  const auto list = [](std::string& text, const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  for_each_weight(model, [&](const std::string& name, const std::vector<index_t>& shape, tensor_view<T, 1>, bool) {
    known.insert(name);
    const io::tensor_entry* entry = file.find(name);
    if (entry == nullptr) {
      list(missing, name);
    } else if (entry->shape != shape) {
      list(shapes, name + " is " + shape_text(entry->shape) + ", expected " + shape_text(shape));
    }
  });
  for (const io::tensor_entry& entry : file.entries()) {
    // PyTorch's count of batches, which nothing here needs, and the stored example.
    if (entry.name.ends_with("num_batches_tracked") || entry.name.starts_with("check.")) continue;
    if (known.contains(entry.name)) continue;
    list(unknown, entry.name);
  }
  std::string message;
  if (!missing.empty()) message += "; missing: " + missing;
  if (!unknown.empty()) message += "; unknown: " + unknown;
  if (!shapes.empty()) message += "; of another shape: " + shapes;
  if (!message.empty()) {
    throw error(errc::inconsistent, where + ": the tensors are not those of the network that the metadata describe" +
                                        message + ". Check the options the weights were trained with");
  }
  for_each_weight(model, [&](const std::string& name, const std::vector<index_t>&, tensor_view<T, 1> to, bool) {
    const std::vector<T> from = file.read<T>(name);
    std::copy(from.begin(), from.end(), to.span().begin());
  });
}

/// Looks into the metadata of a weights file. Throws `bad_format`, naming the key, where one is missing or not
/// understood. `where` begins every message, `expected` names the keys that a file of this network has.
struct metadata_reader {
  const std::map<std::string, std::string>& metadata;
  const std::string& where;
  const char* expected;

  [[nodiscard]] const std::string& value(const std::string& key) const {
    const auto found = metadata.find(key);
    if (found != metadata.end()) return found->second;
    throw error(errc::bad_format,
                where + ": the metadata lack \"" + key + "\"; expected a weights file of " + expected);
  }
  /// One of several words.
  template <class Choice>
  [[nodiscard]] Choice choose(const std::string& key, std::initializer_list<Choice> choices) const {
    const std::string& word = value(key);
    std::string words;
    for (const Choice c : choices) {
      if (name(c) == word) return c;
      words += (words.empty() ? "" : ", ") + std::string(name(c));
    }
    throw error(errc::bad_format, where + ": metadata " + key + " is \"" + word + "\", expected one of " + words);
  }
  /// A whole number below a million.
  [[nodiscard]] index_t number(const std::string& key) const { return number(key, value(key)); }
  [[nodiscard]] index_t number(const std::string& key, std::string_view text) const {
    if (text.empty() || text.size() > 6 || text.find_first_not_of("0123456789") != std::string_view::npos) {
      throw error(errc::bad_format,
                  where + ": metadata " + key + " is \"" + value(key) + "\", expected a positive number");
    }
    return static_cast<index_t>(std::stol(std::string(text)));
  }
};

/// The file of a network without its example: metadata and tensors; the network takes over the precision of the file.
template <class Model>
[[nodiscard]] io::tensor_file file_of(Model& net, const std::map<std::string, std::string>& metadata,
                                      const save_options& options) {
  using T = typename Model::value_type;
  io::tensor_file file;
  file.metadata = options.metadata;
  for (const auto& [key, text] : metadata) file.metadata[key] = text;
  const bool narrow = options.type == io::dtype::f16 || options.type == io::dtype::bf16;
  for_each_weight(net,
                  [&](const std::string& name, const std::vector<index_t>& shape, tensor_view<T, 1> v, bool learnt) {
                    add_weight<T>(file, narrow && !learnt ? io::dtype::f32 : options.type, name, shape, v.span());
                  });
  read_weights(net, file, "weights");
  return file;
}

/// The stored example: throws `inconsistent` if `found` differs from `expected` by more than 1e-3 of the largest.
template <class T>
void require_example(std::span<const T> found, std::span<const T> expected, const std::string& where,
                     const char* what) {
  double largest = 1e-3;
  double worst = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    largest = (std::max)(largest, std::abs(static_cast<double>(expected[k])));
    worst = (std::max)(worst, std::abs(static_cast<double>(expected[k]) - static_cast<double>(found[k])));
  }
  if (!(worst <= 1e-3 * largest)) {
    throw error(errc::inconsistent, where + ": the stored input gives " + what +
                                        " that differ from the stored ones by " + std::to_string(worst) +
                                        "; the file was changed, or made by another version");
  }
}

}  // namespace detail

/// The name of the network whose weights a file holds, its metadata `vmt.model`: "onset_net", "key_net"; empty where
/// the file does not say.
[[nodiscard]] inline std::string model_name_of(const io::tensor_file& file) {
  const auto found = file.metadata.find("vmt.model");
  return found == file.metadata.end() ? "" : found->second;
}

}  // namespace vmt::inline VMT_ABI
