// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/engine/packed_conv.hpp>
#include <vmt/model/key_net.hpp>

namespace vmt::inline VMT_ABI::engine {

/// What `key_net` does between the columns' map and time, for fixed keys and one frame: the window of columns around
/// each key, interpolated by a table, through the matrix of its colour with batch norm and ReLU folded in.
class key_reader {
 public:
  key_reader() = default;
  /// \param columns  width of the map
  key_reader(const tile_kernel<float>& kernel, const key_net<float>& net, const detail::key_rows& rows, index_t columns)
      : features_(net.options().features), rows_(rows.size()), columns_(columns) {
    add(kernel, net, net.white(), rows.white_places(), 0);
    add(kernel, net, net.black(), rows.black_places(), rows.white);
    index_t largest = 0;
    for (const colour& c : colours_) largest = (std::max)(largest, c.keys);
    seen_ = host_buffer<float>(largest * net.options().window * features_);
    read_ = host_buffer<float>(largest * features_);
  }

  /// map: features × columns → y: features × rows, white keys first.
  void run(cpu_context& ctx, const float* map, float* y) {
    for (const colour& c : colours_) {
      const index_t points = std::ssize(c.left);
      ctx.threads().parallel_for(features_, [&](index_t first, index_t last) {
        for (index_t f = first; f < last; ++f) {
          const float* const row = map + f * columns_;
          float* const out = seen_.data() + f * points;
          for (index_t i = 0; i < points; ++i) {
            const float* const pair = row + c.left[static_cast<std::size_t>(i)];
            const float a = c.fraction[static_cast<std::size_t>(i)];
            out[i] = (1.0F - a) * pair[0] + a * pair[1];
          }
        }
      });
      c.matrix.run(ctx, seen_.data(), read_.data(), nullptr, true);
      for (index_t f = 0; f < features_; ++f) {
        std::copy_n(read_.data() + f * c.keys, c.keys, y + f * rows_ + c.first);
      }
    }
  }

 private:
  struct colour {
    index_t first, keys;
    std::vector<std::int32_t> left;  // by column of the window, then key: the left one of two neighbours
    std::vector<float> fraction;
    packed_conv matrix;
  };

  void add(const tile_kernel<float>& kernel, const key_net<float>& net, const nn::linear<float>& linear,
           std::span<const ops::column_place> places, index_t first) {
    if (places.empty()) return;
    colour c{first, std::ssize(places), {}, {}, {}};
    const index_t window = net.options().window;
    for (index_t j = 0; j < window; ++j)
      for (const ops::column_place& p : places) {
        const ops::column_point at(p.column + static_cast<double>(j - (window - 1) / 2), columns_);
        // The border column is the right one of the last two, so that a pair always is there.
        const index_t left = (std::min)(at.left, columns_ - 2);
        c.left.push_back(static_cast<std::int32_t>(left));
        c.fraction.push_back(static_cast<float>(at.fraction + static_cast<double>(at.left - left)));
      }
    nn::conv2d<float> conv({features_ * window, features_, 1, 1, {}, true});
    conv.for_each_parameter([&](const std::string& name, nn::parameter<float, cpu>& p) {
      const float* const from = name == "weight" ? linear.weight().data_handle() : linear.bias().data_handle();
      std::copy_n(from, p.size(), p.flat_value().data_handle());
    });
    c.matrix = packed_conv(kernel, conv, &net.norm(), features_ * window, 1, c.keys);
    colours_.push_back(std::move(c));
  }

  index_t features_ = 0, rows_ = 0, columns_ = 0;
  std::vector<colour> colours_;  // those of which there are keys
  host_buffer<float> seen_, read_;
};

}  // namespace vmt::inline VMT_ABI::engine
