// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/model/key_rows.hpp>
#include <vmt/nn/nn.hpp>
#include <vmt/ops/dropout.hpp>
#include <vmt/ops/rows.hpp>

namespace vmt::inline VMT_ABI {

/// The key-aligned network: one head, shared by all keys, looks at the columns around its key.
///   x: B × T × 3 × rows × W, the channels of `key_channels` for T frames in a row of a strip in which a white key is
///   16 pixels wide, W a multiple of 16; keys: B·K places → y: B × K × 5 × T, see `key_output`.
/// Each frame alone: four convolutions (5×5 stride 2, 3×3 stride 2, twice 3×3 stride (2, 1)), one over all rows that
/// are left: features × W/4. Each key: `window` columns around its centre, linearly interpolated, through the matrix of
/// the white or of the black keys, batch norm, ReLU, dropout. Each key over time: three residual convolutions,
/// dilations 1, 1, 2, that look ahead as far as `future` allows and else only back; 1×1 to five numbers. Parameters:
/// `trunk.I.conv|bn.*`, `columns.conv|bn.*`, `white.*`, `black.*`, `norm.*`, `temporal.I.conv|bn.*`, `head.*`.
template <class T, class Backend = cpu>
class key_net {
 public:
  using value_type = T;
  using backend = Backend;
  static constexpr std::size_t input_rank = 5;

  explicit key_net(const key_net_options& options = {})
      : o_(checked(options)),
        columns_({o_.channels[3], o_.features, o_.rows / 16, 1, {}, false}),
        white_(o_.features * o_.window, o_.features),
        black_(o_.features * o_.window, o_.features),
        norm_(o_.features),
        head_(nn::conv1d_options{o_.features, key_outputs, 1}) {
    const auto& c = o_.channels;
    trunk_.reserve(4);
    trunk_.emplace_back(nn::conv2d_options{3, c[0], 5, 5, {2, 2, 2, 2}, false});
    trunk_.emplace_back(nn::conv2d_options{c[0], c[1], 3, 3, {2, 2, 1, 1}, false});
    trunk_.emplace_back(nn::conv2d_options{c[1], c[2], 3, 3, {2, 1, 1, 1}, false});
    trunk_.emplace_back(nn::conv2d_options{c[2], c[3], 3, 3, {2, 1, 1, 1}, false});
    temporal_.reserve(key_net_dilations.size());
    for (const index_t d : key_net_dilations) {
      const bool causal = lookahead() + d > o_.future;
      temporal_.emplace_back(o_.features, d, causal);
    }
    flat_ = nn::flat_parameters<T, Backend>(*this);
  }
  key_net(const key_net& other) : key_net(other.o_) {
    nn::copy_weights(other, *this);
    random_ = other.random_;
  }
  key_net(key_net&&) noexcept = default;
  key_net& operator=(key_net other) noexcept {
    std::destroy_at(this);
    return *std::construct_at(this, std::move(other));
  }
  ~key_net() = default;

  [[nodiscard]] const key_net_options& options() const noexcept { return o_; }
  /// Frames that an output looks ahead: at most `options().future`.
  [[nodiscard]] index_t lookahead() const noexcept {
    index_t sum = 0;
    for (const nn::temporal_block<T, Backend>& b : temporal_) sum += b.ahead();
    return sum;
  }

  /// Inference. Allocates its intermediate results, the trunk's for one frame only; `key_engine` is the fast path.
  /// Throws `shape_mismatch` if sizes do not fit, `invalid_argument` for a key place that is not finite.
  template <class Context>
  void forward(Context& ctx, const_view<T, 5> x, std::span<const key_place> keys, tensor_view<T, 4> y) const {
    const shapes s = sizes(x.extents());
    detail::key_rows rows;
    rows.assign(keys, s.samples);
    require_output(s, rows, y);
    const index_t frames = s.samples * s.frames;
    tensor<T, 4, Backend> map(frames, o_.features, 1, s.map[4][3]);
    {
      std::vector<tensor<T, 4, Backend>> m;
      for (std::size_t i = 0; i < 4; ++i) m.emplace_back(of_one(s.map[i]));
      const const_view<T, 4> all = x.reshaped(s.input);
      for (index_t n = 0; n < frames; ++n) {
        trunk_[0].forward(ctx, all.slice(n, 1), m[0]);
        for (std::size_t i = 1; i < 4; ++i) trunk_[i].forward(ctx, m[i - 1], m[i]);
        columns_.forward(ctx, m[3], map.view().slice(n, 1));
      }
    }
    tensor<T, 4, Backend> a(s.keys(rows)), b(s.keys(rows));
    {
      tensor<T, 4, Backend> seen(s.seen(rows)), parts(s.keys(rows));
      read_keys(ctx, map, rows, seen, parts, a);
    }
    norm_.forward(ctx, a, a);
    ops::relu(ctx, a, a);
    for (const nn::temporal_block<T, Backend>& block : temporal_) {
      block.forward(ctx, a, b);
      std::swap(a, b);
    }
    tensor<T, 4, Backend> out(1, key_outputs, rows.size(), s.frames);
    head_.forward(ctx, a, out);
    ops::take_rows(ctx, out.view()[0], rows.row, y.reshaped(extents<3>{rows.size(), key_outputs, s.frames}));
  }

  /// The dropout mask of the next `forward_train`: a function of the two numbers and nothing else.
  void set_dropout(std::uint64_t seed, std::uint64_t step) noexcept {
    random_ = rng(seed, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32), rng_use::dropout);
  }

  /// Training: batch norm uses the batch, features drop out, and what `backward` needs is kept. Sizes that do not
  /// change from call to call cost no allocation; the number of white keys among them may change.
  template <class Context>
  void forward_train(Context& ctx, const_view<T, 5> x, std::span<const key_place> keys, tensor_view<T, 4> y) {
    const shapes s = t_.s = sizes(x.extents());
    t_.rows.assign(keys, s.samples);
    require_output(s, t_.rows, y);
    t_.x = x;
    t_.y = y.extents();
    for (std::size_t i = 0; i < 5; ++i) {
      t_.map[i].resize(s.map[i]);
      const const_view<T, 4> in = i == 0 ? x.reshaped(s.input) : std::as_const(t_.map[i - 1]).view();
      (i < 4 ? trunk_[i] : columns_).forward_train(ctx, in, t_.map[i]);
    }
    t_.seen.resize(s.seen(t_.rows));
    for (tensor<T, 4, Backend>* t : {&t_.parts, &t_.read, &t_.key[0], &t_.key[1], &t_.key[2], &t_.key[3]}) {
      t->resize(s.keys(t_.rows));
    }
    read_keys(ctx, t_.map[4], t_.rows, t_.seen, t_.parts, t_.read);
    norm_.forward_train(ctx, t_.read, t_.key[0], true);
    t_.random = random_;
    if (o_.dropout > 0) ops::dropout(ctx, t_.key[0], o_.dropout, t_.random, t_.key[0]);
    for (std::size_t i = 0; i < temporal_.size(); ++i) temporal_[i].forward_train(ctx, t_.key[i], t_.key[i + 1]);
    t_.out.resize(extents<4>{1, key_outputs, t_.rows.size(), s.frames});
    head_.forward(ctx, t_.key[3], t_.out);
    ops::take_rows(ctx, t_.out.view()[0], t_.rows.row, y.reshaped(extents<3>{t_.rows.size(), key_outputs, s.frames}));
  }

  /// Adds the gradient of the last `forward_train` to `gradients()`; x of that call must still be there. dy: B×K×5×T.
  /// dx, the gradient of the input, is computed unless it is empty.
  template <class Context>
  void backward(Context& ctx, const_view<T, 4> dy, tensor_view<T, 5> dx = {}) {
    const shapes& s = t_.s;
    ops::detail::require_same("key_net", "output gradient", dy.extents(), t_.y);
    d_.out.resize(t_.out.extents());
    for (tensor<T, 4, Backend>* t : {&d_.key[0], &d_.key[1], &d_.parts}) t->resize(s.keys(t_.rows));
    ops::take_rows_backward(ctx, dy.reshaped(extents<3>{t_.rows.size(), key_outputs, s.frames}), t_.rows.row,
                            d_.out.view()[0]);
    tensor<T, 4, Backend>* g = &d_.key[0];
    tensor<T, 4, Backend>* h = &d_.key[1];
    head_.backward(ctx, t_.key[3], d_.out, *g);
    for (std::size_t i = temporal_.size(); i-- > 0;) {
      temporal_[i].backward(ctx, t_.key[i], *g, *h);
      std::swap(g, h);
    }
    if (o_.dropout > 0) ops::dropout(ctx, *g, o_.dropout, t_.random, *g);
    norm_.backward(ctx, t_.read, *g, *g, true);
    d_.seen.resize(t_.seen.extents());
    for (std::size_t i = 0; i < 5; ++i) d_.map[i].resize(s.map[i]);
    read_keys_backward(ctx, *g);
    for (std::size_t i = 5; i-- > 0;) {
      const const_view<T, 4> in = i == 0 ? t_.x.reshaped(s.input) : std::as_const(t_.map[i - 1]).view();
      tensor_view<T, 4> din;
      if (i > 0) din = d_.map[i - 1];
      if (i == 0 && dx.data_handle() != nullptr) din = dx.reshaped(s.input);
      (i < 4 ? trunk_[i] : columns_).backward(ctx, in, d_.map[i], d_.map[i], din);
    }
  }

  /// f(name, parameter&), with the names of the weights file.
  template <class F>
  void for_each_parameter(F&& f) {
    for (std::size_t i = 0; i < 4; ++i) trunk_[i].for_each_parameter(f, "trunk." + std::to_string(i) + ".");
    columns_.for_each_parameter(f, "columns.");
    white_.for_each_parameter(f, "white.");
    black_.for_each_parameter(f, "black.");
    norm_.for_each_parameter(f, "norm.");
    for (std::size_t i = 0; i < temporal_.size(); ++i) {
      temporal_[i].for_each_parameter(f, "temporal." + std::to_string(i) + ".");
    }
    head_.for_each_parameter(f, "head.");
  }
  /// f(name, tensor_view<T, 1>): the running statistics of batch norm.
  template <class F>
  void for_each_buffer(F&& f) {
    for (std::size_t i = 0; i < 4; ++i) trunk_[i].for_each_buffer(f, "trunk." + std::to_string(i) + ".");
    columns_.for_each_buffer(f, "columns.");
    norm_.for_each_buffer(f, "norm.");
    for (std::size_t i = 0; i < temporal_.size(); ++i) {
      temporal_[i].for_each_buffer(f, "temporal." + std::to_string(i) + ".");
    }
  }

  /// All parameters, and all gradients, in one buffer each.
  [[nodiscard]] tensor_view<T, 1> parameters() noexcept { return flat_.values(); }
  [[nodiscard]] const_view<T, 1> parameters() const noexcept { return flat_.values(); }
  [[nodiscard]] tensor_view<T, 1> gradients() noexcept { return flat_.gradients(); }

  [[nodiscard]] const std::vector<nn::conv_norm<T, Backend>>& trunk() const noexcept { return trunk_; }
  [[nodiscard]] const nn::conv_norm<T, Backend>& columns() const noexcept { return columns_; }
  [[nodiscard]] const nn::linear<T, Backend>& white() const noexcept { return white_; }
  [[nodiscard]] const nn::linear<T, Backend>& black() const noexcept { return black_; }
  [[nodiscard]] const nn::batch_norm<T, Backend>& norm() const noexcept { return norm_; }
  [[nodiscard]] const std::vector<nn::temporal_block<T, Backend>>& temporal() const noexcept { return temporal_; }
  [[nodiscard]] const nn::conv1d<T, Backend>& head() const noexcept { return head_; }

  /// The sizes of the maps between the layers, for an input of sizes x.
  struct shapes {
    index_t samples = 0, frames = 0;  ///< B and T
    extents<4> input;                 ///< B·T × 3 × rows × W
    std::array<extents<4>, 5> map;    ///< behind the four convolutions of the trunk, and of the columns
    index_t window = 0;

    [[nodiscard]] extents<4> keys(const detail::key_rows& r) const noexcept { return {1, map[4][1], r.size(), frames}; }
    [[nodiscard]] extents<4> seen(const detail::key_rows& r) const noexcept {
      return {1, map[4][1] * window, r.size(), frames};
    }
  };
  /// Throws `shape_mismatch` unless x is B × T × 3 × rows × W with W a multiple of 16 and no size 0.
  [[nodiscard]] shapes sizes(const extents<5>& x) const {
    if (x.size() == 0 || x[2] != 3 || x[3] != o_.rows || x[4] % 16 != 0) {
      throw error(errc::shape_mismatch, "key_net: the input has sizes " + to_string(x) +
                                            ", expected samples×frames×3×" + std::to_string(o_.rows) +
                                            "×width, the width a multiple of 16");
    }
    shapes s;
    s.samples = x[0];
    s.frames = x[1];
    s.window = o_.window;
    s.input = {x[0] * x[1], x[2], x[3], x[4]};
    for (std::size_t i = 0; i < 5; ++i) {
      s.map[i] = (i < 4 ? trunk_[i] : columns_).out_extents(i == 0 ? s.input : s.map[i - 1]);
    }
    return s;
  }

 private:
  static const key_net_options& checked(const key_net_options& o) {
    check(o);
    return o;
  }
  [[nodiscard]] static extents<4> of_one(const extents<4>& e) noexcept { return {1, e[1], e[2], e[3]}; }
  static void require_output(const shapes& s, const detail::key_rows& rows, const_view<T, 4> y) {
    ops::detail::require_same("key_net", "output", y.extents(),
                              extents<4>{s.samples, rows.size() / s.samples, key_outputs, s.frames});
  }

  // The part of v, `v.extent(1)` × rows × frames, that holds the white or the black keys: both are contiguous blocks.
  static tensor_view<T, 4> part(tensor<T, 4, Backend>& v, const detail::key_rows& rows, bool black) {
    const index_t plane = v.extent(1) * v.extent(3);
    return {v.data_handle() + (black ? rows.white * plane : 0),
            extents<4>{1, v.extent(1), black ? rows.black() : rows.white, v.extent(3)}};
  }
  // A 1 × C × rows × T tensor as C samples, so that the rows can be joined and split as channels.
  static extents<4> by_channel(const extents<4>& e) noexcept { return {e[1], e[2], 1, e[3]}; }
  [[nodiscard]] extents<4> windows(const extents<4>& e) const noexcept { return {o_.features, o_.window, e[2], e[3]}; }

  // map: B·T × F × 1 × W/4 → seen: the columns of each key; parts: what its matrix makes of them; read: joined.
  template <class Context>
  void read_keys(Context& ctx, const tensor<T, 4, Backend>& map, const detail::key_rows& rows,
                 tensor<T, 4, Backend>& seen, tensor<T, 4, Backend>& parts, tensor<T, 4, Backend>& read) const {
    const const_view<T, 3> columns = map.view().reshaped(extents<3>{map.extent(0), map.extent(1), map.extent(3)});
    for (const bool black : {false, true}) {
      const tensor_view<T, 4> in = part(seen, rows, black);
      if (in.empty()) continue;
      ops::sample_columns(ctx, columns, black ? rows.black_places() : rows.white_places(),
                          in.reshaped(windows(in.extents())));
      (black ? black_ : white_).forward(ctx, const_view<T, 4>(in), part(parts, rows, black));
    }
    const tensor_view<T, 4> whites = part(parts, rows, false);
    const tensor_view<T, 4> blacks = part(parts, rows, true);
    ops::concat_channels(ctx, whites.reshaped(by_channel(whites.extents())),
                         blacks.reshaped(by_channel(blacks.extents())),
                         read.view().reshaped(by_channel(read.extents())));
  }

  template <class Context>
  void read_keys_backward(Context& ctx, const tensor<T, 4, Backend>& dread) {
    const tensor_view<T, 4> whites = part(d_.parts, t_.rows, false);
    const tensor_view<T, 4> blacks = part(d_.parts, t_.rows, true);
    ops::split_channels(ctx, dread.view().reshaped(by_channel(dread.extents())),
                        whites.reshaped(by_channel(whites.extents())), blacks.reshaped(by_channel(blacks.extents())));
    ops::fill(ctx, d_.map[4], T(0));
    const extents<3> columns{d_.map[4].extent(0), d_.map[4].extent(1), d_.map[4].extent(3)};
    for (const bool black : {false, true}) {
      const tensor_view<T, 4> din = part(d_.seen, t_.rows, black);
      if (din.empty()) continue;
      (black ? black_ : white_)
          .backward(ctx, const_view<T, 4>(part(t_.seen, t_.rows, black)), const_view<T, 4>(black ? blacks : whites),
                    din);
      ops::sample_columns_backward(ctx, din.reshaped(windows(din.extents())),
                                   black ? t_.rows.black_places() : t_.rows.white_places(),
                                   d_.map[4].view().reshaped(columns));
    }
  }

  key_net_options o_;
  std::vector<nn::conv_norm<T, Backend>> trunk_;
  nn::conv_norm<T, Backend> columns_;
  nn::linear<T, Backend> white_, black_;
  nn::batch_norm<T, Backend> norm_;
  std::vector<nn::temporal_block<T, Backend>> temporal_;
  nn::conv1d<T, Backend> head_;
  nn::flat_parameters<T, Backend> flat_;
  rng random_{0, 0, 0, rng_use::dropout};

  struct tape {  // of the last forward_train
    shapes s;
    detail::key_rows rows;
    const_view<T, 5> x;
    extents<4> y;
    rng random{0};
    std::array<tensor<T, 4, Backend>, 5> map;
    tensor<T, 4, Backend> seen, parts, read, out;
    std::array<tensor<T, 4, Backend>, 4> key;  // behind the norm and behind each temporal block
  } t_;
  struct gradients_of_maps {
    std::array<tensor<T, 4, Backend>, 5> map;
    std::array<tensor<T, 4, Backend>, 2> key;
    tensor<T, 4, Backend> seen, parts, out;
  } d_;
};

/// Initialises as PyTorch's defaults would: weights and biases uniform in ±1/√fan_in of the weight, batch norm neutral;
/// the biases of onset, held and release start at −2, since these are rare. Parameter i draws from its own stream of
/// `seed`.
template <class T, class Backend>
void initialise(key_net<T, Backend>& net, std::uint64_t seed) {
  std::uint32_t i = 0;
  index_t fan = 1;
  net.for_each_parameter([&](const std::string& name, nn::parameter<T, Backend>& p) {
    const rng random(seed, 0, i++, rng_use::initialisation);
    const bool norm = name.starts_with("norm.") || name.find("bn.") != std::string::npos;
    if (norm) return;
    if (p.shape().size() > 1) fan = nn::fan_in(p.shape());  // a bias follows its weight
    nn::uniform_fan_in(p, fan, random);
    if (name != "head.bias") return;
    for (const key_output rare : {key_output::onset, key_output::held, key_output::release}) {
      const T seldom = T(-2);
      Backend::write(p.flat_value().data_handle() + static_cast<index_t>(rare), &seldom, 1);
    }
  });
}

}  // namespace vmt::inline VMT_ABI
