// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_net.hpp>
#include <vmt/model/weight_file.hpp>

#include <filesystem>

namespace vmt::inline VMT_ABI {

/// The metadata of a weights file of `key_net`; `vmt.channels` is a list like "16,32,48,48".
[[nodiscard]] inline std::map<std::string, std::string> metadata_of(const key_net_options& o) {
  std::string channels;
  for (const index_t c : o.channels) channels += (channels.empty() ? "" : ",") + std::to_string(c);
  std::string dropout;
  io::append_number(dropout, o.dropout);
  return {{"vmt.model", "key_net"},
          {"vmt.rows", std::to_string(o.rows)},
          {"vmt.channels", channels},
          {"vmt.features", std::to_string(o.features)},
          {"vmt.window", std::to_string(o.window)},
          {"vmt.future", std::to_string(o.future)},
          {"vmt.dropout", dropout}};
}

/// The options that metadata describe. Throws `bad_format`, naming the key, where one is missing or not understood,
/// `unsupported` for another network's, `invalid_argument` for options that `key_net` refuses.
[[nodiscard]] inline key_net_options key_net_options_of(const std::map<std::string, std::string>& metadata,
                                                        const std::string& where) {
  const detail::metadata_reader m{metadata, where,
                                  "key_net (vmt.model, vmt.rows, vmt.channels, vmt.features, vmt.window, vmt.future, "
                                  "vmt.dropout)"};
  if (m.value("vmt.model") != "key_net") {
    throw error(errc::unsupported, where + ": the weights are of \"" + m.value("vmt.model") + "\", expected key_net");
  }
  key_net_options o;
  o.rows = m.number("vmt.rows");
  o.features = m.number("vmt.features");
  o.window = m.number("vmt.window");
  o.future = m.number("vmt.future");
  std::string_view rest = m.value("vmt.channels");
  for (std::size_t i = 0; i < o.channels.size(); ++i) {
    const bool last = i + 1 == o.channels.size();
    const std::size_t comma = last ? rest.size() : rest.find(',');
    o.channels[i] = m.number("vmt.channels", rest.substr(0, comma));
    rest = comma >= rest.size() ? std::string_view() : rest.substr(comma + 1);
  }
  const auto dropout = io::parse_double(m.value("vmt.dropout"));
  if (!dropout) {
    throw error(errc::bad_format, where + ": metadata vmt.dropout is \"" + m.value("vmt.dropout") +
                                      "\", expected a number from 0 up to 1");
  }
  o.dropout = *dropout;
  check(o);
  return o;
}

namespace detail {

/// A K×2 tensor of key places: centre in pixels, 1 for a black key. Throws `shape_mismatch` for another shape.
template <class T>
[[nodiscard]] std::vector<key_place> key_places_of(std::span<const T> numbers, const std::vector<index_t>& shape,
                                                   const std::string& where) {
  if (shape.size() != 2 || shape[1] != 2 || shape[0] < 1) {
    throw error(errc::shape_mismatch, where + ": the key places have the shape " + shape_text(shape) +
                                          ", expected [keys, 2]: centre in pixels, 1 for a black key");
  }
  std::vector<key_place> keys;
  for (std::size_t k = 0; k + 1 < numbers.size(); k += 2) {
    keys.push_back({static_cast<float>(numbers[k]), numbers[k + 1] != T(0)});
  }
  return keys;
}

}  // namespace detail

/// The weights file of a network: its tensors by name, its options, and one small example (`check.input`, `check.keys`,
/// `check.output`), which loading verifies.
template <class T>
[[nodiscard]] io::tensor_file weights_of(const key_net<T>& trained, const save_options& options = {}) {
  key_net<T> net = trained;
  io::tensor_file file = detail::file_of(net, metadata_of(net.options()), options);
  const extents<5> e{1, 3, 3, net.options().rows, 32};
  cpu_tensor<T, 5> x(e);
  for (index_t i = 0; i < x.size(); ++i) {
    x.data_handle()[i] = static_cast<T>((i * 37 + i / 32 * 11) % 256 - 128) / T(128);
  }
  const std::vector<key_place> keys = {{8, false}, {15, true}, {24.5F, false}, {33, true}};
  std::vector<T> places;
  for (const key_place& k : keys) places.insert(places.end(), {static_cast<T>(k.x), static_cast<T>(k.black ? 1 : 0)});
  cpu_tensor<T, 4> y(1, std::ssize(keys), key_outputs, e[1]);
  ops::generic_context ctx;
  net.forward(ctx, x, keys, y);
  detail::add_weight<T>(file, io::dtype::f32, "check.input", {e[0], e[1], e[2], e[3], e[4]}, x.view().span());
  detail::add_weight<T>(file, io::dtype::f32, "check.keys", {std::ssize(keys), 2}, std::span<const T>(places));
  detail::add_weight<T>(file, io::dtype::f32, "check.output", {1, y.extent(1), key_outputs, e[1]}, y.view().span());
  return file;
}

/// Writes `weights_of(net)` whole or not at all.
template <class T>
void save_weights(const key_net<T>& net, const std::filesystem::path& path, const save_options& options = {}) {
  weights_of(net, options).save(path);
}

/// The network of a weights file. Throws what `key_net_options_of` throws, `inconsistent` with all missing, unknown and
/// mis-shaped tensors, and `inconsistent` if the stored example gives other outputs (more than 1e-3 of the largest) or
/// does not fit the network.
template <class T>
[[nodiscard]] key_net<T> key_net_of(const io::tensor_file& file, const std::string& where,
                                    const load_options& options = {}) {
  key_net<T> net(key_net_options_of(file.metadata, where));
  detail::read_weights(net, file, where);
  const io::tensor_entry* const input = file.find("check.input");
  const io::tensor_entry* const places = file.find("check.keys");
  const io::tensor_entry* const output = file.find("check.output");
  if (!options.verify || input == nullptr || places == nullptr || output == nullptr) return net;
  const std::vector<index_t>& s = input->shape;
  const std::vector<T> stored = file.read<T>("check.input");
  const std::vector<T> expected = file.read<T>("check.output");
  const std::vector<key_place> keys = detail::key_places_of<T>(file.read<T>("check.keys"), places->shape, where);
  if (s.size() != 5 || s[0] != 1 || s[1] < 1 || s[1] > 64 || s[2] != 3 || s[3] != net.options().rows || s[4] < 16 ||
      s[4] % 16 != 0 || std::ssize(keys) > 512 || std::ssize(expected) != std::ssize(keys) * key_outputs * s[1]) {
    throw error(errc::inconsistent, where + ": check.input, check.keys or check.output has another shape than the " +
                                        "network takes and gives");
  }
  cpu_tensor<T, 5> x(s[0], s[1], s[2], s[3], s[4]);
  std::copy(stored.begin(), stored.end(), x.span().begin());
  cpu_tensor<T, 4> y(1, std::ssize(keys), key_outputs, s[1]);
  ops::generic_context ctx;
  net.forward(ctx, x, keys, y);
  detail::require_example<T>(std::as_const(y).span(), expected, where, "outputs");
  return net;
}

/// Reads a weights file from disk.
template <class T>
[[nodiscard]] key_net<T> load_key_net(const std::filesystem::path& path, const load_options& options = {}) {
  return key_net_of<T>(io::tensor_file::load(path), path.string(), options);
}

}  // namespace vmt::inline VMT_ABI
