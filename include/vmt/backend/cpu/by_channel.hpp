// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/backend/cpu/elementwise.hpp>
#include <vmt/backend/cpu/norm_kernel.hpp>
#include <vmt/backend/cpu/pool_kernel.hpp>
#include <vmt/ops/generic/aggregate.hpp>
#include <vmt/ops/generic/batch_norm.hpp>
#include <vmt/ops/generic/pool2d.hpp>

/// \file
/// Operations whose channels do not meet: each thread takes a range of channels and keeps the order of its sums.

namespace vmt::inline VMT_ABI {

#if VMT_CPU_X86_DISPATCH
namespace detail {

/// Leaves in `s` what Σ (x − origin) and Σ (x − origin)² over `count` numbers of channel c tell.
inline void take_moments(const ops::batch_norm_statistics<float>& s, index_t c, float origin, double sum,
                         double squares, double count) {
  s.take(c, static_cast<double>(origin) + sum / count, (std::max)(squares - sum * sum / count, 0.0), count);
}

/// What batch norm in training does to channel c: takes its statistics, and returns the line that follows from them.
inline norm_line train_line(const_view<float, 4> x, const_view<float, 1> gamma, const_view<float, 1> beta,
                            const ops::batch_norm_statistics<float>& s, bool relu, index_t c) {
  const index_t size = x.extent(2) * x.extent(3);
  const double count = static_cast<double>(x.extent(0) * size);
  // Squares around one of the numbers: no cancellation where the mean is large.
  const float origin = x[0][c].data_handle()[0];
  double sum = 0, squares = 0;
  for (index_t n = 0; n < x.extent(0); ++n) {
    const auto [d, q] = moments_avx2(size, x[n][c].data_handle(), origin);
    sum += d;
    squares += q;
  }
  take_moments(s, c, origin, sum, squares, count);
  return {gamma(c) * s.inverse_deviation(c), s.mean(c), beta(c), relu};
}

inline void batch_norm_train(const_view<float, 4> x, const_view<float, 1> gamma, const_view<float, 1> beta,
                             const ops::batch_norm_statistics<float>& s, bool relu, tensor_view<float, 4> y,
                             index_t first, index_t last) {
  const index_t size = x.extent(2) * x.extent(3);
  for (index_t c = first; c < last; ++c) {
    const norm_line line = train_line(x, gamma, beta, s, relu, c);
    for (index_t n = 0; n < x.extent(0); ++n) normalise_avx2(size, x[n][c].data_handle(), line, y[n][c].data_handle());
  }
}

inline void batch_norm_backward(const_view<float, 4> x, const_view<float, 4> dy, const_view<float, 1> gamma,
                                const_view<float, 1> relu_beta, const_view<float, 1> mean,
                                const_view<float, 1> inverse_deviation, tensor_view<float, 1> dgamma,
                                tensor_view<float, 1> dbeta, tensor_view<float, 4> dx, index_t first, index_t last) {
  const bool relu = relu_beta.data_handle() != nullptr;
  const index_t size = x.extent(2) * x.extent(3);
  const double count = static_cast<double>(x.extent(0) * size);
  for (index_t c = first; c < last; ++c) {
    const norm_line line{gamma(c) * inverse_deviation(c), mean(c), relu ? relu_beta(c) : 0.0F, relu};
    double sum = 0, sum_normalised = 0;
    for (index_t n = 0; n < x.extent(0); ++n) {
      const auto [g, q] = gradient_sums_avx2(size, x[n][c].data_handle(), dy[n][c].data_handle(), line);
      sum += g;
      sum_normalised += q;
    }
    const double inverse = static_cast<double>(inverse_deviation(c));
    sum_normalised *= inverse;
    dgamma(c) += static_cast<float>(sum_normalised);
    dbeta(c) += static_cast<float>(sum);
    const double scale = static_cast<double>(gamma(c)) * inverse;
    const norm_gradient rule{static_cast<float>(scale), static_cast<float>(-scale * inverse * sum_normalised / count),
                             static_cast<float>(scale * sum / count)};
    for (index_t n = 0; n < x.extent(0); ++n) {
      norm_gradient_avx2(size, x[n][c].data_handle(), dy[n][c].data_handle(), line, rule, dx[n][c].data_handle());
    }
  }
}

}  // namespace detail
#endif

template <class T>
void vmt_batch_norm(cpu_context& ctx, const_view<T, 4> x, const_view<T, 1> gamma, const_view<T, 1> beta,
                    const_view<T, 1> mean, const_view<T, 1> variance, double epsilon, tensor_view<T, 4> y) {
  ctx.threads().parallel_for(x.extent(1), [&](index_t first, index_t last) {
    const index_t size = x.extent(2) * x.extent(3);
    for (index_t n = 0; n < x.extent(0); ++n)
      for (index_t c = first; c < last; ++c) {
        const double scale = static_cast<double>(gamma(c)) / std::sqrt(static_cast<double>(variance(c)) + epsilon);
        const double shift = static_cast<double>(beta(c)) - static_cast<double>(mean(c)) * scale;
        const detail::const_array_map<T> in(x[n][c].data_handle(), size);
        detail::array_map<T>(y[n][c].data_handle(), size) = in * static_cast<T>(scale) + static_cast<T>(shift);
      }
  });
}

template <class T>
void vmt_batch_norm_train(cpu_context& ctx, const_view<T, 4> x, const_view<T, 1> gamma, const_view<T, 1> beta,
                          const ops::batch_norm_statistics<T>& s, bool relu, tensor_view<T, 4> y) {
  ctx.threads().parallel_for(x.extent(1), [&](index_t first, index_t last) {
#if VMT_CPU_X86_DISPATCH
    if constexpr (std::is_same_v<T, float>) {
      if (ctx.isa() != cpu_isa::portable) return detail::batch_norm_train(x, gamma, beta, s, relu, y, first, last);
    }
#endif
    ops::generic::batch_norm_train(x, gamma, beta, s, relu, y, first, last);
  });
}

template <class T>
void vmt_batch_norm_backward(cpu_context& ctx, const_view<T, 4> x, const_view<T, 4> dy, const_view<T, 1> gamma,
                             const_view<T, 1> relu_beta, const_view<T, 1> mean, const_view<T, 1> inverse_deviation,
                             tensor_view<T, 1> dgamma, tensor_view<T, 1> dbeta, tensor_view<T, 4> dx) {
  ctx.threads().parallel_for(x.extent(1), [&](index_t first, index_t last) {
#if VMT_CPU_X86_DISPATCH
    if constexpr (std::is_same_v<T, float>) {
      if (ctx.isa() != cpu_isa::portable) {
        return detail::batch_norm_backward(x, dy, gamma, relu_beta, mean, inverse_deviation, dgamma, dbeta, dx, first,
                                           last);
      }
    }
#endif
    ops::generic::batch_norm_backward(x, dy, gamma, relu_beta, mean, inverse_deviation, dgamma, dbeta, dx, first, last);
  });
}

template <class T>
void vmt_aggregate(cpu_context& ctx, const_view<T, 5> x, const_view<T, 2> weight, tensor_view<T, 4> y) {
  const index_t size = x.extent(3) * x.extent(4);
  ctx.threads().parallel_for(x.extent(2), [&](index_t first, index_t last) {
    for (index_t n = 0; n < x.extent(0); ++n)
      for (index_t c = first; c < last; ++c) {
        detail::array_map<T> out(y[n][c].data_handle(), size);
        out = detail::const_array_map<T>(x[n][0][c].data_handle(), size) * weight(c, index_t{0});
        for (index_t f = 1; f < x.extent(1); ++f) {
          out += detail::const_array_map<T>(x[n][f][c].data_handle(), size) * weight(c, f);
        }
      }
  });
}

template <class T>
void vmt_aggregate_backward(cpu_context& ctx, const_view<T, 5> x, const_view<T, 4> dy, const_view<T, 2> weight,
                            tensor_view<T, 2> dweight, tensor_view<T, 5> dx) {
  const index_t size = x.extent(3) * x.extent(4);
  ctx.threads().parallel_for(x.extent(2), [&](index_t first, index_t last) {
    for (index_t n = 0; n < x.extent(0); ++n)
      for (index_t c = first; c < last; ++c) {
        const detail::const_array_map<T> gradient(dy[n][c].data_handle(), size);
        for (index_t f = 0; f < x.extent(1); ++f) {
          const detail::const_array_map<T> in(x[n][f][c].data_handle(), size);
          dweight(c, f) += static_cast<T>((gradient.template cast<double>() * in.template cast<double>()).sum());
          detail::array_map<T>(dx[n][f][c].data_handle(), size) = gradient * weight(c, f);
        }
      }
  });
}

template <class T>
void vmt_max_pool2d(cpu_context& ctx, const_view<T, 4> x, tensor_view<T, 4> y, tensor_view<std::int32_t, 4> argmax,
                    const ops::pool2d_params& p) {
  // N×C planes are all alike: hand each thread a range of them as samples of one channel.
  const auto planes = [](auto v, index_t first, index_t count) {
    return v.reshaped(extents<4>{v.extent(0) * v.extent(1), 1, v.extent(2), v.extent(3)}).slice(first, count);
  };
  ctx.threads().parallel_for(x.extent(0) * x.extent(1), [&](index_t first, index_t last) {
    tensor_view<std::int32_t, 4> places;
    if (argmax.data_handle() != nullptr) places = planes(argmax, first, last - first);
    const const_view<T, 4> in = planes(x, first, last - first);
    const tensor_view<T, 4> out = planes(y, first, last - first);
#if VMT_CPU_X86_DISPATCH
    if constexpr (std::is_same_v<T, float>) {
      if (ctx.isa() != cpu_isa::portable && p.stride <= 2) {
        for (index_t n = 0; n < in.extent(0); ++n) {
          detail::max_pool_plane_avx2(in[n].data_handle(), in.extent(2), in.extent(3), p, out.extent(2), out.extent(3),
                                      out[n].data_handle(), places.empty() ? nullptr : places[n].data_handle());
        }
        return;
      }
    }
#endif
    ops::generic::max_pool2d<T>(in, out, places, p);
  });
}

template <class T>
void vmt_max_pool2d_backward(cpu_context& ctx, const_view<T, 4> dy, const_view<std::int32_t, 4> argmax,
                             tensor_view<T, 4> dx) {
  const auto planes = [](auto v, index_t first, index_t count) {
    return v.reshaped(extents<4>{v.extent(0) * v.extent(1), 1, v.extent(2), v.extent(3)}).slice(first, count);
  };
  ctx.threads().parallel_for(dy.extent(0) * dy.extent(1), [&](index_t first, index_t last) {
    ops::generic::max_pool2d_backward<T>(planes(dy, first, last - first), planes(argmax, first, last - first),
                                         planes(dx, first, last - first));
  });
}

}  // namespace vmt::inline VMT_ABI
