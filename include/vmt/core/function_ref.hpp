// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/config.hpp>

#include <memory>       // addressof
#include <type_traits>  // is_invocable_r_v
#include <utility>      // forward

namespace vmt::inline VMT_ABI {

template <class Signature>
class function_ref;

/// A callable that is borrowed for the length of one call: two pointers, no allocation (P0792 in C++26).
template <class R, class... Args>
class function_ref<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && std::is_invocable_r_v<R, F&, Args...>)
  function_ref(F&& f)
  noexcept  // NOLINT(google-explicit-constructor): it stands for the callable
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Args... args) -> R {
          auto& callable = *static_cast<std::remove_reference_t<F>*>(object);
          if constexpr (std::is_void_v<R>) {
            callable(std::forward<Args>(args)...);
          } else {
            return callable(std::forward<Args>(args)...);
          }
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace vmt::inline VMT_ABI
