// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/io/safetensors.hpp>
#include <vmt/model/onset_net.hpp>

#include <cmath>
#include <filesystem>
#include <set>

namespace vmt::inline VMT_ABI {

/// How weights are written.
struct save_options {
  io::dtype type =
      io::dtype::f32;  ///< f32, f64, f16 or bf16 for the parameters; statistics of batch norm stay f32 or f64
  /// More metadata: who trained it, on what. Names with the prefix `vmt.` are the library's.
  std::map<std::string, std::string> metadata = {};
};

namespace detail {

inline constexpr const char* check_input = "check.input";
inline constexpr const char* check_logits = "check.logits";

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
  std::set<std::string> known = {check_input, check_logits};
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
    // PyTorch's count of batches, which nothing here needs.
    if (entry.name.ends_with("num_batches_tracked") || known.contains(entry.name)) continue;
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

}  // namespace detail

/// The metadata of a weights file (DESIGN: section "Files").
[[nodiscard]] inline std::map<std::string, std::string> metadata_of(const onset_net_options& o) {
  return {{"vmt.model", "onset_net"},
          {"vmt.variant", std::string(name(o.variant))},
          {"vmt.stem", std::string(name(o.stem))},
          {"vmt.aggregation", std::string(name(o.aggregation))},
          {"vmt.width", std::to_string(o.width)},
          {"vmt.frames", std::to_string(o.frames)},
          {"vmt.keys", std::to_string(o.keys)}};
}

/// The options that metadata describe. Throws `bad_format`, naming the key, where one is missing or not understood.
[[nodiscard]] inline onset_net_options onset_net_options_of(const std::map<std::string, std::string>& metadata,
                                                            const std::string& where) {
  const auto value = [&](const std::string& key) -> const std::string& {
    const auto found = metadata.find(key);
    if (found == metadata.end()) {
      throw error(errc::bad_format, where + ": the metadata lack \"" + key +
                                        "\"; expected a weights file of onset_net "
                                        "(vmt.model, vmt.variant, vmt.stem, vmt.aggregation, vmt.width, vmt.frames, "
                                        "vmt.keys)");
    }
    return found->second;
  };
  const auto choose = [&](const std::string& key, auto... choices) {
    using choice = std::common_type_t<decltype(choices)...>;
    const std::string& word = value(key);
    std::string words;
    for (const choice c : {choices...}) {
      if (name(c) == word) return c;
      words += (words.empty() ? "" : ", ") + std::string(name(c));
    }
    throw error(errc::bad_format, where + ": metadata " + key + " is \"" + word + "\", expected one of " + words);
  };
  const auto number = [&](const std::string& key) {
    const std::string& text = value(key);
    if (text.empty() || text.size() > 6 || text.find_first_not_of("0123456789") != std::string::npos) {
      throw error(errc::bad_format, where + ": metadata " + key + " is \"" + text + "\", expected a positive number");
    }
    return static_cast<index_t>(std::stol(text));
  };
  if (value("vmt.model") != "onset_net") {
    throw error(errc::unsupported, where + ": the weights are of \"" + value("vmt.model") + "\", expected onset_net");
  }
  onset_net_options o;
  o.variant = choose("vmt.variant", onset_variant::resnet, onset_variant::aggregation, onset_variant::slope);
  o.stem = choose("vmt.stem", onset_stem::conv1, onset_stem::layer1);
  o.aggregation = choose("vmt.aggregation", nn::aggregation_kind::channelwise, nn::aggregation_kind::dense);
  o.width = number("vmt.width");
  o.frames = number("vmt.frames");
  o.keys = number("vmt.keys");
  check(o);
  return o;
}

/// The weights file of a network: its tensors by name, its options, and one small input with the logits that it gives,
/// which loading verifies.
template <class T>
[[nodiscard]] io::tensor_file weights_of(const onset_net<T>& trained, const save_options& options = {}) {
  onset_net<T> net = trained;
  io::tensor_file file;
  file.metadata = options.metadata;
  for (const auto& [key, text] : metadata_of(net.options())) file.metadata[key] = text;
  const bool narrow = options.type == io::dtype::f16 || options.type == io::dtype::bf16;
  detail::for_each_weight(
      net, [&](const std::string& name, const std::vector<index_t>& shape, tensor_view<T, 1> v, bool learnt) {
        detail::add_weight<T>(file, narrow && !learnt ? io::dtype::f32 : options.type, name, shape, v.span());
      });
  detail::read_weights(net, file, "weights");  // with the precision that the file keeps
  const extents<4> e{1, net.options().frames, 32, 64};
  cpu_tensor<T, 4> x(e);
  cpu_tensor<T, 2> y(1, net.options().keys);
  for (index_t i = 0; i < x.size(); ++i) x.data_handle()[i] = static_cast<T>((i * 37 + i / 64 * 11) % 256) / T(256);
  ops::generic_context ctx;
  net.forward(ctx, x, y);
  detail::add_weight<T>(file, io::dtype::f32, detail::check_input, {e[0], e[1], e[2], e[3]}, x.view().span());
  detail::add_weight<T>(file, io::dtype::f32, detail::check_logits, {1, y.size()}, y.view().span());
  return file;
}

/// Writes `weights_of(net)` whole or not at all.
template <class T>
void save_weights(const onset_net<T>& net, const std::filesystem::path& path, const save_options& options = {}) {
  weights_of(net, options).save(path);
}

/// How weights are read.
struct load_options {
  bool verify = true;  ///< run the stored input and compare the logits, where the file has them
};

/// The network of a weights file. Throws `bad_format` for metadata that do not describe one, `inconsistent` with all
/// missing, unknown and mis-shaped tensors, `not_finite` for NaN, and `inconsistent` if the stored input gives other
/// logits (more than 1e-3 of the largest) than stored.
template <class T>
[[nodiscard]] onset_net<T> onset_net_of(const io::tensor_file& file, const std::string& where,
                                        const load_options& options = {}) {
  onset_net<T> net(onset_net_options_of(file.metadata, where));
  detail::read_weights(net, file, where);
  if (!options.verify || file.find(detail::check_input) == nullptr || file.find(detail::check_logits) == nullptr) {
    return net;
  }
  const std::vector<T> stored = file.read<T>(detail::check_input);
  const std::vector<T> expected = file.read<T>(detail::check_logits);
  const std::vector<index_t>& shape = file.find(detail::check_input)->shape;
  if (shape.size() != 4 || shape[0] != 1 || shape[1] != net.options().frames ||
      std::ssize(expected) != net.options().keys) {
    throw error(errc::inconsistent, where + ": " + detail::check_input + " or " + detail::check_logits +
                                        " has another shape than the network takes and gives");
  }
  cpu_tensor<T, 4> x(shape[0], shape[1], shape[2], shape[3]);
  std::copy(stored.begin(), stored.end(), x.span().begin());
  cpu_tensor<T, 2> y(1, net.options().keys);
  ops::generic_context ctx;
  net.forward(ctx, x, y);
  double largest = 1e-3;
  double worst = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    largest = (std::max)(largest, std::abs(static_cast<double>(expected[k])));
    worst = (std::max)(worst, std::abs(static_cast<double>(expected[k]) - static_cast<double>(y.span()[k])));
  }
  if (!(worst <= 1e-3 * largest)) {
    throw error(errc::inconsistent, where + ": the stored input gives logits that differ from the stored ones by " +
                                        std::to_string(worst) + "; the file was changed, or made by another version");
  }
  return net;
}

/// Reads a weights file from disk.
template <class T>
[[nodiscard]] onset_net<T> load_onset_net(const std::filesystem::path& path, const load_options& options = {}) {
  return onset_net_of<T>(io::tensor_file::load(path), path.string(), options);
}

}  // namespace vmt::inline VMT_ABI
