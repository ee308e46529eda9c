// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/context.hpp>
#include <vmt/ops/generic/linear.hpp>

namespace vmt::inline VMT_ABI {

// The products are small (a batch of feature vectors): Eigen's coefficient-wise product, which neither allocates nor
// starts threads of its own when a user compiles with -fopenmp.

template <class T>
void vmt_linear(cpu_context& ctx, const_view<T, 2> x, const_view<T, 2> w, const_view<T, 1> bias, tensor_view<T, 2> y) {
  const detail::const_matrix_map<T> weight(w.data_handle(), w.extent(0), w.extent(1));
  ctx.threads().parallel_for(x.extent(0), [&](index_t begin, index_t end) {
    const detail::const_matrix_map<T> in(x[begin].data_handle(), end - begin, x.extent(1));
    detail::matrix_map<T> out(y[begin].data_handle(), end - begin, y.extent(1));
    out.noalias() = in.lazyProduct(weight.transpose());
    if (bias.data_handle() != nullptr) {
      out.rowwise() += Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>(bias.data_handle(), bias.size());
    }
  });
}

template <class T>
void vmt_linear_backward_input(cpu_context& ctx, const_view<T, 2> dy, const_view<T, 2> w, tensor_view<T, 2> dx) {
  const detail::const_matrix_map<T> weight(w.data_handle(), w.extent(0), w.extent(1));
  ctx.threads().parallel_for(dy.extent(0), [&](index_t begin, index_t end) {
    const detail::const_matrix_map<T> gradient(dy[begin].data_handle(), end - begin, dy.extent(1));
    detail::matrix_map<T>(dx[begin].data_handle(), end - begin, dx.extent(1)).noalias() = gradient.lazyProduct(weight);
  });
}

template <class T>
void vmt_linear_backward_weight(cpu_context& ctx, const_view<T, 2> x, const_view<T, 2> dy, tensor_view<T, 2> dw,
                                tensor_view<T, 1> dbias) {
  const detail::const_matrix_map<T> in(x.data_handle(), x.extent(0), x.extent(1));
  const detail::const_matrix_map<T> gradient(dy.data_handle(), dy.extent(0), dy.extent(1));
  ctx.threads().parallel_for(dw.extent(0), [&](index_t begin, index_t end) {
    detail::matrix_map<T>(dw[begin].data_handle(), end - begin, dw.extent(1)).noalias() +=
        gradient.middleCols(begin, end - begin).transpose().lazyProduct(in);
    if (dbias.data_handle() == nullptr) return;
    for (index_t o = begin; o < end; ++o)
      for (index_t n = 0; n < dy.extent(0); ++n) dbias(o) += dy(n, o);
  });
}

}  // namespace vmt::inline VMT_ABI
