// SPDX-License-Identifier: MIT
// vmt-keyboard-tracker VIDEO KEYBOARD.json: moves the camera of a real clip and prints how the tracker follows. Each
// row is a motion: the largest error of a corner at the end of the clip and at any frame from the second second on that
// is not within 1.2 s after a bump, in pixels of the strip (a white key has 16); changes of the registration; the cost
// of a frame.
#include <vmt/keyboard/keyboard_file.hpp>
#include <vmt/keyboard/tracked_strip.hpp>
#include <vmt/media/ffmpeg.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <numbers>
#include <string>

namespace {

using vmt::frame;
using vmt::index_t;
using vmt::keyboard::point;

/// Where the camera's motion takes a point: turn (radians) and zoom about the picture's centre, then a shift.
struct camera {
  double x = 0, y = 0, turn = 0, zoom = 1;
  [[nodiscard]] point operator()(point p, const frame& f) const {
    const double cx = static_cast<double>(f.width) / 2;
    const double cy = static_cast<double>(f.height) / 2;
    const double dx = (p.x - cx) * zoom;
    const double dy = (p.y - cy) * zoom;
    return {cx + dx - turn * dy + x, cy + dy + turn * dx + y};
  }
};

/// The picture of the moved camera, by linear interpolation; the border is repeated.
void move(const frame& from, const camera& c, frame& to) {
  to.resize(from.width, from.height);
  to.time = from.time;
  to.number = from.number;
  const point o = c({0, 0}, from);
  const point ax = c({1, 0}, from);
  const point ay = c({0, 1}, from);
  const double a = ax.x - o.x, b = ay.x - o.x, d = ax.y - o.y, e = ay.y - o.y;
  const double det = a * e - b * d;
  for (index_t y = 0; y < to.height; ++y) {
    for (index_t x = 0; x < to.width; ++x) {
      const double px = static_cast<double>(x) + 0.5 - o.x;
      const double py = static_cast<double>(y) + 0.5 - o.y;
      const double u = std::clamp((e * px - b * py) / det - 0.5, 0.0, static_cast<double>(from.width - 2));
      const double v = std::clamp((a * py - d * px) / det - 0.5, 0.0, static_cast<double>(from.height - 2));
      const auto i = static_cast<index_t>(u);
      const auto j = static_cast<index_t>(v);
      const double fu = u - static_cast<double>(i);
      const double fv = v - static_cast<double>(j);
      const auto* p = from.row(j) + i;
      const auto* q = from.row(j + 1) + i;
      to.row(y)[x] = static_cast<std::uint8_t>((1 - fv) * ((1 - fu) * p[0] + fu * p[1]) +
                                               fv * ((1 - fu) * q[0] + fu * q[1]) + 0.5);
    }
  }
}

struct motion {
  const char* name;
  std::function<camera(double)> at;
  double bumped = -10;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: vmt-keyboard-tracker VIDEO KEYBOARD.json\n");
    return 2;
  }
  using std::numbers::pi;
  const auto step = [](double t, camera c) { return t < 10 ? camera{} : c; };
  const motion motions[] = {
      {"still", [](double) { return camera{}; }},
      {"vibration 1 px, 7 Hz",
       [](double t) {
         return camera{std::sin(2 * pi * 7 * t), std::cos(2 * pi * 7 * t)};
       }},
      {"vibration 3 px, 4.3 Hz",
       [](double t) {
         return camera{0, 3 * std::sin(2 * pi * 4.3 * t)};
       }},
      {"drift 1 px/s",
       [](double t) {
         return camera{0.9 * t, -0.4 * t};
       }},
      {"slow zoom and turn",
       [](double t) {
         return camera{0, 0, 0.0006 * t, 1 + 0.0006 * t};
       }},
      {"bump 2 px",
       [&](double t) {
         return step(t, {1.5, -1.5});
       },
       10},
      {"bump 10 px",
       [&](double t) {
         return step(t, {10, -4});
       },
       10},
      {"bump 40 px, turned 1 degree",
       [&](double t) {
         return step(t, {-40, 12, 0.0175});
       },
       10},
      {"bump 90 px, turned 2 degrees",
       [&](double t) {
         return step(t, {90, -15, -0.035, 0.98});
       },
       10},
  };
  std::printf("%-30s %8s %8s %8s %8s\n", "motion", "end px", "most px", "changes", "ms/frame");
  for (const motion& m : motions) {
    vmt::media::ffmpeg video(argv[1]);
    const vmt::keyboard::keyboard truth = vmt::keyboard::load_keyboard(argv[2]);
    vmt::keyboard::tracked_strip straight(truth, video.width(), video.height());
    const vmt::keyboard::key_strip plain(truth, video.width(), video.height());
    const double scale = static_cast<double>(plain.layout().width()) /
                         std::hypot(truth.corners[1].x - truth.corners[0].x, truth.corners[1].y - truth.corners[0].y);
    double most = 0, end = 0, cost = 0;
    index_t frames = 0;
    frame seen, moved, strip;
    while (frames < 1000 && video(seen)) {
      const camera c = m.at(seen.time);
      move(seen, c, moved);
      const auto start = std::chrono::steady_clock::now();
      straight(moved, strip);
      const auto middle = std::chrono::steady_clock::now();
      plain(moved, strip);
      cost += std::chrono::duration<double, std::milli>((middle - start) - (std::chrono::steady_clock::now() - middle))
                  .count();
      ++frames;
      end = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        const point p = c(truth.corners[i], seen);
        const point q = straight.tracking().where().corners[i];
        end = std::max(end, scale * std::hypot(p.x - q.x, p.y - q.y));
      }
      if (seen.time > 2 && (seen.time < m.bumped || seen.time > m.bumped + 1.2)) most = std::max(most, end);
    }
    std::printf("%-30s %8.2f %8.2f %8td %8.3f\n", m.name, end, most, straight.tracking().changes(),
                cost / static_cast<double>(frames));
    std::fflush(stdout);
  }
  return 0;
} catch (const vmt::error& e) {
  std::fprintf(stderr, "vmt-keyboard-tracker: %s\n", e.what());
  return 1;
}
