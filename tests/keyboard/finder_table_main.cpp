// SPDX-License-Identifier: MIT
// Measures the keyboard finder and prints a table: on real pictures taken again with random cameras, on rendered
// video, and on pictures without a keyboard.
//
//     vmt-keyboard-finder-table real|rendered|none COUNT FIRST_SEED [FOLDER [CLIPS]]
//
// FOLDER: pictures of what fails are written there. CLIPS: the folder of clips with empty_keyboard.jpg,
// registration.json.

#include <vmt/io/json.hpp>
#include <vmt/keyboard/overlay.hpp>
#include <vmt/media/ffmpeg.hpp>
#include <vmt/media/png_write.hpp>
#include <vmt/synth/synth.hpp>

#include <support/keyboard_pictures.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace vmt_test;

keyboard_picture load(const std::filesystem::path& clip) {
  keyboard_picture p;
  vmt::media::ffmpeg image(clip / "empty_keyboard.jpg");
  if (!image(p.picture)) throw vmt::error(vmt::errc::bad_format, "no picture in " + clip.string());
  const auto bytes = vmt::read_file(clip / "registration.json");
  const auto root = vmt::io::parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::array<point, 4> corners;
  const auto& points = root.at("keyboard_corners_px").at("pts").as_array();
  const bool turned = root.at("rotate180").as_bool();
  const auto w = static_cast<double>(p.picture.width), h = static_cast<double>(p.picture.height);
  for (std::size_t i = 0; i < 4; ++i) {
    const point c{points[i].as_array()[0].as_number(), points[i].as_array()[1].as_number()};
    corners[i] = turned ? point{w - c.x, h - c.y} : c;
  }
  const vmt::keyboard::square_to_quad quad(corners);
  const auto& boxes = root.at("key_x").at("boxes").as_array();
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const auto& box = boxes[i].as_array();
    const double v = box[2].as_number() != 0 ? 0.32 : 0.85;
    p.truth[21 + static_cast<int>(i)] = {quad(box[0].as_number() / 800, v), quad(box[1].as_number() / 800, v)};
  }
  return p;
}

/// What a user reads off the overlay: the number of the white key where the found keyboard's lowest key is.
int lowest(const vmt::keyboard::keyboard& found, const keyboard_picture& p) {
  const auto ends = borders_of(found).at(p.mirrored == found.mirrored ? found.lowest_key : found.highest_key);
  int best = 60;
  double least = 1e9;
  for (const auto& [key, truth] : p.truth) {
    const double off =
        std::hypot(truth[0].x + truth[1].x - ends[0].x - ends[1].x, truth[0].y + truth[1].y - ends[0].y - ends[1].y);
    if (vmt::keyboard::is_white(key) && off < least) {
      least = off;
      best = key;
    }
  }
  return best;
}

/// Whether somebody who sees all keys in the picture, and their ends where these are a third of a key inside it, can
/// tell the octave and the side: no other place of a usual keyboard shows the same.
bool decidable(const keyboard_picture& p) {
  const vmt::keyboard::gray_sampler picture(p.picture);
  std::vector<int> whites;
  for (const auto& [key, ends] : p.truth) {
    if (vmt::keyboard::is_white(key)) whites.push_back(key);
  }
  const auto count = std::ssize(whites);
  vmt::index_t lo = count, hi = -1;
  const auto ends_of = [&](vmt::index_t i) { return p.truth.at(whites[static_cast<std::size_t>(i)]); };
  for (vmt::index_t i = 0; i < count; ++i) {
    if (!picture.holds(ends_of(i)[0], 1) || !picture.holds(ends_of(i)[1], 1)) continue;
    lo = std::min(lo, i);
    hi = std::max(hi, i);
  }
  if (hi < lo) return false;
  const auto room = [&](vmt::index_t i, double u) {
    const auto e = ends_of(i);
    return picture.holds({e[0].x + u * (e[1].x - e[0].x), e[0].y + u * (e[1].y - e[0].y)}, 1);
  };
  const bool left = lo == 0 && room(lo, -0.35), right = hi + 1 == count && room(hi, 1.35);
  const vmt::index_t shown = hi - lo + 1;
  constexpr std::array<std::array<int, 2>, 5> usual{{{21, 108}, {28, 103}, {28, 100}, {36, 96}, {36, 84}}};
  for (const auto& range : usual) {
    std::vector<int> other;
    for (int key = range[0]; key <= range[1]; ++key) {
      if (vmt::keyboard::is_white(key)) other.push_back(key);
    }
    for (const bool turned : {false, true}) {
      for (vmt::index_t first = 0; first + shown <= std::ssize(other); ++first) {
        const bool at_low = first == 0, at_high = first + shown == std::ssize(other);
        if ((turned ? at_high : at_low) != left && left) continue;
        if ((turned ? at_low : at_high) != right && right) continue;
        bool same = true;
        for (vmt::index_t i = 0; same && i + 1 < shown; ++i) {  // the black keys tell
          const auto step = [](const std::vector<int>& keys, vmt::index_t k) {
            return keys[static_cast<std::size_t>(k + 1)] - keys[static_cast<std::size_t>(k)];
          };
          same = step(whites, lo + i) == step(other, turned ? first + shown - 2 - i : first + i);
        }
        if (same && (turned || other[static_cast<std::size_t>(first)] != whites[static_cast<std::size_t>(lo)])) {
          return false;
        }
      }
    }
  }
  return true;
}

/// What became of some pictures.
class tally {
 public:
  tally(std::string name, std::filesystem::path folder) : name_(std::move(name)), folder_(std::move(folder)) {}

  void add(int seed, const keyboard_picture& p, const vmt::keyboard::find_result& result) {
    ++count_;
    const bool open = !p.truth.empty() && !decidable(p);
    open_ += open ? 1 : 0;
    std::string verdict;
    bool answered = false;
    if (!result && result.found.size() > 1) {  // it asks which; the user knows
      for (const auto& f : result.found) {
        const auto e = compare(f.where, p);
        if (p.truth.empty() || !f.range.certain || !e.right() || f.where.mirrored != p.mirrored) continue;
        ++right_;
        ++several_;
        open_right_ += open ? 1 : 0;
        take(f.where.score, e);
        return;
      }
    }
    if (!result) {
      const bool octave = result.refusal.find("octave") != std::string::npos;
      const bool cut = octave && std::any_of(result.found.begin(), result.found.end(),
                                             [](const auto& f) { return f.range.left_cut || f.range.right_cut; });
      ++(cut ? cut_ : octave ? octave_ : refused_);
      open_asked_ += octave && open ? 1 : 0;
      verdict = result.refusal;
      if (octave && !p.truth.empty()) {  // the user says it
        auto options = vmt::keyboard::find_options{};
        options.picture.lowest_key = lowest(result.found[0].where, p);
        options.picture.mirrored = p.mirrored;
        const auto again = vmt::keyboard::find_keyboard(p.picture, options);
        answered = again && compare(again.where(), p).right();
        if (again) add_score(again.where().score, compare(again.where(), p).quantile(0.5) <= 2);
        answered_ += answered ? 1 : 0;
        if (!again) verdict += "; then: " + again.refusal;
      }
    } else if (p.truth.empty()) {
      ++wrong_;
      add_score(result.where().score, false);
      verdict = "accepted without a keyboard";
    } else {
      const auto e = compare(result.where(), p);
      if (e.right() && result.where().mirrored == p.mirrored) {
        ++right_;
        remarks_ += result.remark.empty() ? 0 : 1;
        open_right_ += open ? 1 : 0;
        take(result.where().score, e);
        return;
      }
      ++wrong_;
      warned_ += result.remark.empty() ? 0 : 1;
      add_score(result.where().score, false);
      char text[200];
      std::snprintf(text, sizeof text, "WRONG: median %.1f px, %d missing, %d extra%s", e.quantile(0.5), e.missing,
                    e.extra, result.where().mirrored != p.mirrored ? ", mirrored" : "");
      verdict = text;
    }
    if (answered || (p.truth.empty() && !result)) return;
    std::printf("  %s %d %tdx%td %d-%d%s: %s\n", name_.c_str(), seed, p.picture.width, p.picture.height,
                p.truth.empty() ? 0 : p.truth.begin()->first, p.truth.empty() ? 0 : p.truth.rbegin()->first,
                p.mirrored ? " mirrored" : "", verdict.c_str());
    for (const auto& f : vmt::keyboard::find_in_picture(p.picture)) {
      std::printf(
          "      %d-%d score %.3f agreeing %.2f black %d whites %.2f spread %.3f margin %.2f cut %d%d mirrored %d "
          "depth %.1f pitch %.1f\n",
          f.where.lowest_key, f.where.highest_key, f.where.score, f.agreeing, f.black_keys, f.whites, f.spread,
          f.range.margin, f.range.left_cut, f.range.right_cut, f.range.mirrored, f.depth, f.pitch);
    }
    std::fflush(stdout);
    if (folder_.empty()) return;
    auto drawn = p.picture;
    for (const auto& f : result.found) vmt::keyboard::draw_overlay(f.where, drawn);
    vmt::write_file(folder_ / (name_ + std::to_string(seed) + ".png"), vmt::media::write_png(drawn));
  }

  void print() {
    std::sort(errors_.begin(), errors_.end());
    const auto at = [&](double q) {
      return errors_.empty() ? 0.0 : errors_[static_cast<std::size_t>(q * static_cast<double>(errors_.size() - 1))];
    };
    const auto share = [&](int n) { return 100.0 * n / std::max(count_, 1); };
    std::printf(
        "%-16s %4d pictures: right %5.1f %% (%.1f %% with a question which), asks octave %.1f %% (and keyboard cut: "
        "%.1f %%; then right: %.1f %%), refused %.1f %%, "
        "wrong %.1f %%; borders: median %.2f, 95 %% %.2f px\n"
        "with the remark that the octave is only likely: right %.1f %%, wrong %.1f %%\n",
        name_.c_str(), count_, share(right_), share(several_), share(octave_), share(cut_), share(answered_),
        share(refused_), share(wrong_), at(0.5), at(0.95), share(remarks_), share(warned_));
    std::printf(
        "%d of them do not show their octave or side (%d right, %d asked about); right of the others: %.1f %%\n", open_,
        open_right_, open_asked_, 100.0 * (right_ - open_right_) / std::max(count_ - open_, 1));
    std::printf("score: keyboards, and those of which half of the borders are within 2 px\n");
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      if (scores_[i].all > 0) std::printf("  %.3f %4d %4d\n", steps[i], scores_[i].all, scores_[i].good);
    }
    std::fflush(stdout);
  }

 private:
  void add_score(double score, bool good) {
    std::size_t i = 0;
    while (i + 1 < steps.size() && score >= steps[i + 1]) ++i;
    ++scores_[i].all;
    scores_[i].good += good ? 1 : 0;
  }

  void take(double score, const keyboard_error& e) {
    add_score(score, e.quantile(0.5) <= 2);
    errors_.insert(errors_.end(), e.borders.begin(), e.borders.end());
  }

  std::string name_;
  std::filesystem::path folder_;
  struct bin {
    int all = 0, good = 0;
  };
  static constexpr std::array<double, 6> steps{0, 0.5, 0.8, 0.95, 0.99, 0.999};  ///< where the bins of scores begin
  std::array<bin, steps.size()> scores_{};
  int open_ = 0, open_asked_ = 0;
  int count_ = 0, right_ = 0, refused_ = 0, several_ = 0, octave_ = 0, cut_ = 0, answered_ = 0, wrong_ = 0;
  int remarks_ = 0, warned_ = 0, open_right_ = 0;
  std::vector<double> errors_;
};

/// A rendered camera: the median of moments of ten seconds of playing, as the finder takes it from a video.
keyboard_picture render(int seed, vmt::index_t moments) {
  namespace synth = vmt::synth;
  const auto s = static_cast<std::uint64_t>(seed);
  auto o = synth::wild_camera(s);
  synth::renderer video(synth::exercise("mixed", s, 10, o.keys.lowest, o.keys.highest), o, s);
  keyboard_picture p;
  std::vector<frame> frames(static_cast<std::size_t>(moments));
  for (vmt::index_t i = 0; i < moments; ++i) {
    video.draw((2 * i + 1) * video.frames() / (2 * moments), frames[static_cast<std::size_t>(i)]);
  }
  vmt::keyboard::median_picture(frames, p.picture);
  auto k = video.keyboard();
  const auto& c = k.corners;  // clockwise unless mirrored
  p.mirrored = (c[1].x - c[0].x) * (c[3].y - c[0].y) - (c[1].y - c[0].y) * (c[3].x - c[0].x) < 0;
  if (k.keys.empty()) k.keys = vmt::keyboard::spans_or_layout(k);
  p.truth = borders_of(k);
  return p;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what != "real" && what != "rendered" && what != "none") {
    std::fputs("vmt-keyboard-finder-table real|rendered|none COUNT FIRST_SEED [FOLDER [CLIPS]]\n", stderr);
    return 2;
  }
  const int count = argc > 2 ? std::atoi(argv[2]) : 200;
  const int first = argc > 3 ? std::atoi(argv[3]) : 1;
  const std::filesystem::path folder = argc > 4 ? argv[4] : "";
  const std::filesystem::path clips = argc > 5 ? argv[5] : "../shared/data/real/pianoray";
  if (what == "real") {
    for (const char* const clip : {"bach_prelude_c", "fur_elise_v1"}) {
      const auto real = load(clips / clip);
      tally t(clip, folder);
      for (int seed = first; seed < first + count; ++seed) {
        const auto p = photograph(real, static_cast<std::uint64_t>(seed));
        t.add(seed, p, vmt::keyboard::find_keyboard(p.picture));
      }
      t.print();
    }
    return 0;
  }
  tally t(what, folder);
  for (int seed = first; seed < first + count; ++seed) {
    keyboard_picture p;
    if (what == "rendered") {
      p = render(seed, vmt::keyboard::find_options{}.pictures);
    } else {
      constexpr std::array<std::array<vmt::index_t, 2>, 3> sizes{{{640, 360}, {1280, 720}, {1920, 1080}}};
      const auto size = sizes[static_cast<std::size_t>(seed % 3)];
      vmt::synth::draw_without_keyboard(static_cast<std::uint64_t>(seed), size[0], size[1], p.picture);
    }
    t.add(seed, p, vmt::keyboard::find_keyboard(p.picture));
  }
  t.print();
  return 0;
}
