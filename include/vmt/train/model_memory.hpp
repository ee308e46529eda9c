// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/train/batch_input.hpp>

#include <string>
#include <vector>

/// \file
/// Training reads and writes networks wherever their memory is: on the host, or on a device.

namespace vmt::inline VMT_ABI::train {

namespace detail {
template <class Model>
struct backend_of {
  using type = cpu;
};
template <class Model>
  requires requires {
    typename Model::backend;
  }
struct backend_of<Model> {
  using type = typename Model::backend;
};
}  // namespace detail

/// The backend of a model or task; without a member `backend` it is `cpu`.
template <class Model>
using backend_of = typename detail::backend_of<Model>::type;

/// Appends the numbers of a view in memory of `Backend`.
template <class Backend>
void append_numbers(std::vector<float>& to, const_view<float, 1> from) {
  const std::size_t begin = to.size();
  to.resize(begin + static_cast<std::size_t>(from.size()));
  Backend::read(from.data_handle(), to.data() + begin, from.size());
}

/// A batch of the host, where `Context` computes: itself, or a copy in memory that grows to the largest batch.
template <class Backend, std::size_t Rank>
class batch_room {
 public:
  template <class Context>
  [[nodiscard]] const_view<float, Rank> bring(Context& ctx, const_view<float, Rank> x) {
    if constexpr (Backend::host_accessible) {
      return x;
    } else {
      const tensor_view<float, Rank> there = room(x.extents());
      ctx.copy_in(x.span(), there.flat());
      return there;
    }
  }
  /// Windows in bytes: as the numbers that they stand for, made where `Context` computes.
  template <class Context>
  [[nodiscard]] const_view<float, Rank> bring(Context& ctx, const window_batch& windows)
    requires(Rank == 4)
  {
    if (normals_.size() == 0) {
      normals_.resize(extents<1>{std::ssize(windows.normals)});
      Backend::write(normals_.data_handle(), windows.normals.data(), normals_.size());
    }
    const tensor_view<float, Rank> there = room(windows.input);
    ops::window_input(ctx, windows.bytes, windows.crops, windows.rows, const_view<float, 1>(normals_.view()), there);
    return there;
  }
  /// Memory of these sizes; what it holds is of no use.
  [[nodiscard]] tensor_view<float, Rank> room(const extents<Rank>& e) {
    if (memory_.size() < e.size()) memory_.resize(extents<1>{e.size()});
    return {memory_.data_handle(), e};
  }

 private:
  tensor<float, 1, Backend> memory_;
  tensor<float, 1, Backend> normals_;  // the table of the windows' noise, which never changes
};

/// The running statistics of a model as they were before a step, in memory of its backend.
template <class Backend>
class kept_buffers {
 public:
  template <class Model>
  void take(Model& model) {
    index_t all = 0;
    model.for_each_buffer([&](const std::string&, auto b) { all += b.size(); });
    numbers_.resize(extents<1>{all});
    float* to = numbers_.data_handle();
    model.for_each_buffer([&](const std::string&, auto b) {
      Backend::copy(b.data_handle(), to, b.size());
      to += b.size();
    });
  }
  template <class Model>
  void restore(Model& model) const {
    const float* from = numbers_.data_handle();
    model.for_each_buffer([&](const std::string&, auto b) {
      Backend::copy(from, b.data_handle(), b.size());
      from += b.size();
    });
  }

 private:
  tensor<float, 1, Backend> numbers_;
};

}  // namespace vmt::inline VMT_ABI::train
