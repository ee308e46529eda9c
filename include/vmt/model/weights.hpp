// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/onset_net.hpp>
#include <vmt/model/weight_file.hpp>

#include <filesystem>

namespace vmt::inline VMT_ABI {

namespace detail {
inline constexpr const char* check_input = "check.input";
inline constexpr const char* check_logits = "check.logits";
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
  const detail::metadata_reader m{
      metadata, where,
      "onset_net (vmt.model, vmt.variant, vmt.stem, vmt.aggregation, vmt.width, vmt.frames, "
      "vmt.keys)"};
  if (m.value("vmt.model") != "onset_net") {
    throw error(errc::unsupported, where + ": the weights are of \"" + m.value("vmt.model") + "\", expected onset_net");
  }
  onset_net_options o;
  o.variant = m.choose("vmt.variant", {onset_variant::resnet, onset_variant::aggregation, onset_variant::slope});
  o.stem = m.choose("vmt.stem", {onset_stem::conv1, onset_stem::layer1});
  o.aggregation = m.choose("vmt.aggregation", {nn::aggregation_kind::channelwise, nn::aggregation_kind::dense});
  o.width = m.number("vmt.width");
  o.frames = m.number("vmt.frames");
  o.keys = m.number("vmt.keys");
  check(o);
  return o;
}

/// The weights file of a network: its tensors by name, its options, and one small input with the logits that it gives,
/// which loading verifies.
template <class T>
[[nodiscard]] io::tensor_file weights_of(const onset_net<T>& trained, const save_options& options = {}) {
  onset_net<T> net = trained;
  io::tensor_file file = detail::file_of(net, metadata_of(net.options()), options);
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
  detail::require_example<T>(std::as_const(y).span(), expected, where, "logits");
  return net;
}

/// Reads a weights file from disk.
template <class T>
[[nodiscard]] onset_net<T> load_onset_net(const std::filesystem::path& path, const load_options& options = {}) {
  return onset_net_of<T>(io::tensor_file::load(path), path.string(), options);
}

}  // namespace vmt::inline VMT_ABI
