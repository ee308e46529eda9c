// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/synth/view.hpp>

#include <initializer_list>  // polygons

namespace vmt::inline VMT_ABI::synth {

/// What painting needs besides the canvas, kept so that it is allocated once.
struct paint_memory {
  std::vector<point> outline;
  polygon_filler filler;
};

/// Paints polygons of places into a canvas as a view sees them. View, canvas and memory are borrowed.
class painter {
 public:
  painter(const view& v, canvas& target, paint_memory& memory)
      : view_(&v), target_(&target), memory_(&memory), part_(target.all()) {}

  /// The same canvas and part as another view sees them.
  [[nodiscard]] painter with(const synth::view& v) const noexcept {
    painter other = *this;
    other.view_ = &v;
    return other;
  }

  /// The pixels that may change from now on.
  void only(const area& part) noexcept { part_ = part & target_->all(); }
  [[nodiscard]] const area& part() const noexcept { return part_; }
  [[nodiscard]] const synth::view& view() const noexcept { return *view_; }
  [[nodiscard]] canvas& target() noexcept { return *target_; }

  /// Covers a flat polygon that runs round once with a tone.
  void cover(std::initializer_list<place> polygon, double tone) {
    cover(std::span(polygon.begin(), polygon.size()), tone);
  }
  void cover(std::span<const place> polygon, double tone) {
    const auto value = static_cast<float>(tone);
    fill(polygon, [&](float& pixel, float share) { pixel += share * (value - pixel); });
  }
  /// Takes away a share of the light.
  void darken(std::initializer_list<place> polygon, double share) {
    const auto value = static_cast<float>(share);
    if (value == 0) return;
    fill({polygon.begin(), polygon.size()}, [&](float& pixel, float covered) { pixel *= 1 - value * covered; });
  }
  /// Adds light.
  void lighten(std::initializer_list<place> polygon, double tone) {
    const auto value = static_cast<float>(tone);
    if (value == 0) return;
    fill({polygon.begin(), polygon.size()}, [&](float& pixel, float covered) { pixel += value * covered; });
  }
  /// `blend(pixel, coverage)` for each pixel.
  template <class Blend>
  void fill(std::span<const place> polygon, Blend&& blend) {
    view_->outline(polygon, memory_->outline);
    memory_->filler(memory_->outline, target_->all(), part_,
                    [&](index_t x, index_t y, float share) { blend(target_->row(y)[x], share); });
  }
  /// A polygon of the picture, not of the room.
  template <class Blend>
  void fill_flat(std::span<const point> polygon, Blend&& blend) {
    memory_->filler(polygon, target_->all(), part_,
                    [&](index_t x, index_t y, float share) { blend(target_->row(y)[x], share); });
  }
  void cover_flat(std::initializer_list<point> polygon, double tone) {
    const auto value = static_cast<float>(tone);
    fill_flat({polygon.begin(), polygon.size()}, [&](float& pixel, float share) { pixel += share * (value - pixel); });
  }

 private:
  const synth::view* view_;
  canvas* target_;
  paint_memory* memory_;
  area part_;
};

/// The pixels in which the places are seen, with a margin.
[[nodiscard]] inline area seen(const view& v, std::initializer_list<place> places, double margin) {
  area all;
  for (const place& p : places) {
    const point q = v(p);
    const std::array<point, 1> one{q};
    const area a = around(one, margin + 1e-6);
    all = all | a;
  }
  return all;
}

}  // namespace vmt::inline VMT_ABI::synth
