// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/file.hpp>
#include <vmt/keyboard/keyboard.hpp>
#include <vmt/media/png_write.hpp>
#include <vmt/midi/note.hpp>
#include <vmt/transcribe/activity.hpp>
#include <vmt/transcribe/best_frames.hpp>
#include <vmt/transcribe/report_page.hpp>

#include <array>       // buffer
#include <charconv>    // to_chars
#include <filesystem>  // path
#include <string>
#include <string_view>
#include <utility>  // pair
#include <vector>

namespace vmt::inline VMT_ABI::transcribe {

struct report_options {
  std::string title = "Transcription";
  int lowest_key = 21;     ///< MIDI number of the first probability
  double threshold = 0.4;  ///< from which probability on a key is marked in a picture
  index_t columns = 4000;  ///< moments of the probabilities that are kept, see `activity`
  index_t pictures = 6;    ///< frames that are shown
  index_t notes = 50'000;  ///< notes that are drawn, of the found and of the reference each
};

/// A report on a transcription: one HTML file that needs no network and no other file. It shows the piano roll (with
/// a reference: what was matched, missed, extra), the onset probabilities, frames with the detected keys marked, scores
/// and facts. Feed it from the transcriber, then save:
///
///     report_builder report({.title = "prelude.mp4"});
///     options.on_strip = [&](const frame& f) { report.strip(f); };
///     options.on_probabilities = [&](double t, std::span<const float> p) { report.probabilities(t, p); };
///     transcribe(context, engine, source, tee(midi, report), options);
///     report.save("report.html");
///
/// Memory and file size are bounded by the options, whatever the video's length: about 2.5 MB for the defaults without
/// the notes. All text is escaped.
class report_builder {
 public:
  explicit report_builder(report_options options = {})
      : options_(std::move(options)), activity_(options_.columns), frames_(options_.pictures, options_.threshold) {}

  /// A frame as the network sees it.
  void strip(const frame& f) { frames_.picture(f); }

  /// A frame's probabilities. Throws as `activity::add`.
  void probabilities(double time, std::span<const float> p) {
    activity_.add(time, p);
    frames_.probabilities(time, p);
  }

  /// A note that was found. Throws `invalid_argument` or `not_finite` for what is no note.
  void operator()(const note& n) {
    check(n);
    ++note_count_;
    if (static_cast<index_t>(found_.size()) < options_.notes) found_.push_back(n);
  }

  /// The notes of a reference, and which of them were found: pairs of an index in `notes` and one in the order of the
  /// found notes, as `eval::match_notes` gives them. Throws as for found notes, and `invalid_argument` for an index
  /// beyond.
  void reference(std::span<const note> notes, std::span<const std::pair<index_t, index_t>> matches) {
    for (const note& n : notes) check(n);
    for (const auto& [r, f] : matches) {
      if (r < 0 || f < 0 || r >= static_cast<index_t>(notes.size()) || f >= note_count_) {
        throw error(errc::invalid_argument, "report: the match of " + std::to_string(r) + " with " + std::to_string(f) +
                                                " names a note that is not there");
      }
    }
    reference_.assign(notes.begin(), notes.end());
    matches_.assign(matches.begin(), matches.end());
    has_reference_ = true;
  }

  /// A line of the table of scores, 0 … 1 each.
  void score(std::string_view name, double precision, double recall, double f1) {
    scores_.push_back({std::string(name), precision, recall, f1});
  }

  /// A line of the table of facts: file, model, options, counts.
  void fact(std::string_view name, std::string_view value) { facts_.emplace_back(name, value); }

  /// The page.
  [[nodiscard]] std::string html() const;

  /// Writes the page as `write_file` does.
  void save(const std::filesystem::path& path) const { write_file(path, html()); }

 private:
  enum kind { plain, matched, extra, missed };
  struct score_line {
    std::string name;
    double precision, recall, f1;
  };

  static void check(const note& n) {
    if (!(std::abs(n.onset) < 1e9) || !(std::abs(n.offset) < 1e9) || !std::isfinite(n.confidence)) {
      throw error(errc::not_finite, "report: the times and the confidence of a note must be finite");
    }
    if (n.offset < n.onset || n.pitch < 0 || n.pitch > 127) {
      throw error(errc::invalid_argument, "report: a note ends before it begins, or its pitch is not in 0 to 127");
    }
  }

  static std::string escaped(std::string_view text);
  static std::string number(double value, int digits);
  static std::string clock(double seconds);
  static std::string pitch_name(int pitch);
  static std::string base64(std::span<const std::byte> bytes);

  [[nodiscard]] std::string cards(double length) const;
  [[nodiscard]] std::string legend() const;
  [[nodiscard]] std::string data(double start, double end) const;
  [[nodiscard]] std::string pictures() const;
  [[nodiscard]] std::string marked(const best_frames::kept& k) const;
  [[nodiscard]] std::string tables() const;

  report_options options_;
  activity activity_;
  best_frames frames_;
  std::vector<note> found_;
  index_t note_count_ = 0;
  bool has_reference_ = false;
  std::vector<note> reference_;
  std::vector<std::pair<index_t, index_t>> matches_;
  std::vector<score_line> scores_;
  std::vector<std::pair<std::string, std::string>> facts_;
};

inline std::string report_builder::escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&#39;"; break;
      default: result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

inline std::string report_builder::number(double value, int digits) {
  if (!(std::abs(value) < 1e15)) return "–";
  std::array<char, 48> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, digits);
  return {buffer.data(), result.ptr};
}

inline std::string report_builder::clock(double seconds) {
  const double minutes = std::floor(seconds / 60);
  const std::string rest = number((std::max)(0.0, seconds - 60 * minutes), 2);
  return number(minutes, 0) + (rest.size() < 5 ? ":0" : ":") + rest;
}

inline std::string report_builder::pitch_name(int pitch) {
  constexpr std::array<const char*, 12> names{"C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"};
  return names[static_cast<std::size_t>(pitch % 12)] + std::to_string(pitch / 12 - 1);
}

inline std::string report_builder::base64(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      result += i + j > bytes.size() ? '=' : digits[(group >> (18 - 6 * j)) & 63U];
    }
  }
  return result;
}

inline std::string report_builder::cards(double length) const {
  std::string html;
  const auto card = [&](const std::string& value, std::string_view name) {
    html.append("<div class=\"card\"><b>").append(value).append("</b><span>").append(name).append("</span></div>\n");
  };
  card(std::to_string(note_count_), "notes found");
  if (has_reference_) {
    card(std::to_string(reference_.size()), "notes in the reference");
    card(std::to_string(matches_.size()), "matched");
  }
  if (!scores_.empty()) card(number(100 * scores_.front().f1, 1) + " %", "F1, " + escaped(scores_.front().name));
  card(clock(length), "length of the video");
  if (activity_.frames() > 0) card(std::to_string(activity_.frames()), "frames judged");
  return html;
}

inline std::string report_builder::legend() const {
  const auto entry = [](const char* shape, const char* text) {
    return std::string("<span><svg width=\"22\" height=\"12\" aria-hidden=\"true\">") + shape + "</svg>" + text +
           "</span>\n";
  };
  const char* const filled = "<rect width=\"22\" height=\"12\" fill=\"#0072b2\"/>";
  if (!has_reference_) return entry(filled, "found (the paler, the less sure)");
  return entry(filled, "matched") +
         entry(
             "<rect width=\"22\" height=\"12\" fill=\"#f6d48a\"/><path d=\"M0 12L12 0M8 12L20 0M16 12L28 0M-8 12L4 0\" "
             "stroke=\"#b97800\" stroke-width=\"1.8\"/>",
             "extra: not in the reference") +
         entry(
             "<rect x=\"1\" y=\"1\" width=\"20\" height=\"10\" fill=\"#fbefe8\" stroke=\"#b23a00\" "
             "stroke-width=\"1.5\" "
             "stroke-dasharray=\"3 2\"/>",
             "missed: only in the reference");
}

inline std::string report_builder::data(double start, double end) const {
  std::vector<bool> hit(found_.size()), known(reference_.size());
  for (const auto& [r, f] : matches_) {
    known[static_cast<std::size_t>(r)] = true;
    if (f < static_cast<index_t>(found_.size())) hit[static_cast<std::size_t>(f)] = true;
  }
  int low = 128;
  int high = -1;
  std::string notes;
  const auto add = [&](const note& n, kind k) {
    low = (std::min)(low, n.pitch);
    high = (std::max)(high, n.pitch);
    notes.append(notes.empty() ? "[" : ",\n[").append(number(n.onset, 4)).append(",").append(number(n.offset, 4));
    notes.append(",").append(std::to_string(n.pitch)).append(",").append(std::to_string(n.velocity)).append(",");
    notes.append(number(n.confidence, 3)).append(",").append(std::to_string(static_cast<int>(k))).append("]");
  };
  for (std::size_t i = 0; i < found_.size(); ++i) add(found_[i], !has_reference_ ? plain : hit[i] ? matched : extra);
  index_t left = options_.notes;
  for (std::size_t i = 0; i < reference_.size() && left > 0; ++i) {
    if (known[i]) continue;
    add(reference_[i], missed);
    --left;
  }
  if (high < 0) {
    low = options_.lowest_key;
    high = options_.lowest_key + static_cast<int>(std::max<index_t>(activity_.keys(), 25)) - 1;
  }
  // Two octaves at least, and room at both ends.
  const int room = (std::max)(2, (25 - (high - low)) / 2);
  low = (std::max)(0, low - room);
  high = (std::min)(127, high + room);

  const std::vector<std::uint8_t> values = activity_.values();
  std::string json = "const DATA = {start: " + number(start, 4) + ", end: " + number(end, 4);
  json += ", low: " + std::to_string(low) + ", high: " + std::to_string(high);
  json += ",\nheat: {columns: " + std::to_string(activity_.columns()) + ", keys: " + std::to_string(activity_.keys());
  json += ", start: " + number(activity_.start(), 6) + ", step: " + number(activity_.step(), 9);
  json +=
      ", lowest: " + std::to_string(options_.lowest_key) + ",\nvalues: \"" + base64(std::as_bytes(std::span(values)));
  return json + "\"},\nnotes: [" + notes + "]};\n";
}

inline std::string report_builder::marked(const best_frames::kept& k) const {
  const auto keys = static_cast<int>(k.probabilities.size());
  int whites = 0;
  for (int i = 0; i < keys; ++i) whites += keyboard::is_white(options_.lowest_key + i) ? 1 : 0;
  const auto width = static_cast<double>(k.picture.width);
  const auto height = static_cast<double>(k.picture.height);
  const double unit = width / 800;  // sizes are meant for a strip that is 800 wide
  const double white = width / (std::max)(1, whites);
  std::string marks, caption;
  std::array<double, 3> taken{-1e9, -1e9, -1e9};  // where the last label of each row ends
  std::size_t rows = 1;
  int below = 0;
  for (int i = 0; i < keys; ++i) {
    const int pitch = options_.lowest_key + i;
    const bool is_white = keyboard::is_white(pitch);
    const double centre = white * (below + (is_white ? 0.5 : 0.0));
    below += is_white ? 1 : 0;
    const float p = k.probabilities[static_cast<std::size_t>(i)];
    if (static_cast<double>(p) < options_.threshold) continue;
    // A white key is marked where it is not between black ones.
    const double w = white * (is_white ? 0.92 : 0.62);
    const double top = is_white ? height * 0.64 : 0;
    const double bottom = is_white ? height : height * 0.64;
    marks += "<rect x=\"" + number(centre - w / 2, 1) + "\" y=\"" + number(top, 1) + "\" width=\"" + number(w, 1) +
             "\" height=\"" + number(bottom - top, 1) + "\" fill=\"#0072b2\" fill-opacity=\"0.4\" stroke=\"#0072b2\" " +
             "stroke-width=\"" + number(1.8 * unit, 1) + "\"/>";
    std::size_t row = 0;
    while (row + 1 < taken.size() && centre - taken[row] < 34 * unit) ++row;
    taken[row] = centre;
    rows = (std::max)(rows, row + 1);
    const double at = std::clamp(centre, 16 * unit, width - 16 * unit);
    const double y = height + (18 + 17 * static_cast<double>(row)) * unit;
    marks += "<text x=\"" + number(at, 1) + "\" y=\"" + number(y, 1) + "\">" + pitch_name(pitch) + "</text>";
    caption += (caption.empty() ? " — " : ", ") + pitch_name(pitch) + " " + number(static_cast<double>(p), 2);
  }
  const std::string time = clock(k.picture.time);
  const std::string size = number(width, 0) + "\" height=\"" + number(height, 0);
  return "<figure><svg viewBox=\"0 0 " + number(width, 0) + " " +
         number(height + (7 + 17 * static_cast<double>(rows)) * unit, 0) +
         "\" role=\"img\" aria-label=\"The keyboard at " + time + "\"><image width=\"" + size +
         "\" preserveAspectRatio=\"none\" href=\"data:image/png;base64," + base64(media::write_png(k.picture)) +
         "\"/><g font-size=\"" + number(15 * unit, 1) +
         "\" font-weight=\"600\" text-anchor=\"middle\" fill=\"#00456e\">" + marks + "</g></svg><figcaption>" + time +
         caption + "</figcaption></figure>\n";
}

inline std::string report_builder::pictures() const {
  const auto chosen = frames_.chosen();
  if (chosen.empty()) return {};
  std::string html = "<section id=\"pictures\"><h2>Frames and the onsets seen in them</h2>\n<div class=\"pictures\">\n";
  for (const best_frames::kept* k : chosen) html += marked(*k);
  return html + "</div></section>\n";
}

inline std::string report_builder::tables() const {
  std::string html;
  if (!scores_.empty()) {
    html +=
        "<section id=\"scores\"><h2>Scores against the reference</h2>\n<table><tr><th>measure</th><th "
        "class=\"n\">precision"
        "</th><th class=\"n\">recall</th><th class=\"n\">F1</th></tr>\n";
    for (const score_line& s : scores_) {
      html += "<tr><td>" + escaped(s.name) + "</td>";
      for (const double v : {s.precision, s.recall, s.f1}) html += "<td class=\"n\">" + number(100 * v, 1) + " %</td>";
      html += "</tr>\n";
    }
    html += "</table></section>\n";
  }
  if (!facts_.empty()) {
    html += "<section id=\"facts\"><h2>How it was made</h2>\n<table class=\"facts\">\n";
    for (const auto& [name, value] : facts_) {
      html += "<tr><th scope=\"row\">" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
    }
    html += "</table></section>\n";
  }
  return html;
}

inline std::string report_builder::html() const {
  double start = activity_.frames() > 0 ? activity_.first() : found_.empty() ? 0.0 : found_.front().onset;
  double end = activity_.frames() > 0 ? activity_.last() : 0;
  for (const auto* notes : {&found_, &reference_}) {
    for (const note& n : *notes) {
      start = (std::min)(start, n.onset);
      end = (std::max)(end, n.offset);
    }
  }
  const double length = activity_.frames() > 0 ? activity_.last() - activity_.first() : end - start;
  const std::string title = escaped(options_.title);
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'; img-src data:\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      title + "</title>\n<style>";
  page += detail::report_style;
  page += "</style>\n</head>\n<body>\n<main>\n<p class=\"kind\">Piano transcription report</p>\n<h1>" + title +
          "</h1>\n<div class=\"cards\">\n" + cards(length) + "</div>\n";
  page += "<section id=\"music\"><div class=\"bar\"><h2>Piano roll</h2><div class=\"legend\">" + legend() +
          "</div><div class=\"space\"></div><span class=\"legend\" id=\"where\"></span>\n"
          "<div><button data-do=\"left\" aria-label=\"earlier\">◀</button> <button data-do=\"right\" "
          "aria-label=\"later\">▶</button> <button data-do=\"in\" aria-label=\"zoom in\">+</button> <button "
          "data-do=\"out\" "
          "aria-label=\"zoom out\">−</button> <button data-do=\"all\">all</button></div></div>\n"
          "<canvas id=\"roll\" tabindex=\"0\" role=\"img\" aria-label=\"Piano roll of " +
          std::to_string(note_count_) + " notes\"></canvas>\n";
  if (note_count_ > static_cast<index_t>(found_.size())) {
    page += "<p class=\"caption\">Only the first " + std::to_string(found_.size()) + " of " +
            std::to_string(note_count_) + " notes are drawn.</p>\n";
  }
  page +=
      "<p class=\"caption\">Onset probability of each key; gray: not judged</p>\n"
      "<canvas id=\"heat\" tabindex=\"0\" role=\"img\" aria-label=\"Onset probabilities\"></canvas>\n"
      "<p class=\"caption\">The whole video: largest probability at each time. Click to go there.</p>\n"
      "<canvas id=\"overview\" tabindex=\"0\" role=\"img\" aria-label=\"Overview of the whole video\"></canvas>\n"
      "<p class=\"caption\"><kbd>←</kbd> <kbd>→</kbd> move, <kbd>↑</kbd> <kbd>↓</kbd> zoom, <kbd>0</kbd> all, "
      "<kbd>Home</kbd> <kbd>End</kbd>; drag to move, <kbd>Ctrl</kbd> + wheel to zoom; point at a note for its "
      "values.</p>\n"
      "<noscript><p>The piano roll is drawn by JavaScript, which is switched off.</p></noscript>\n</section>\n";
  page += pictures() + tables();
  page += "</main>\n<div id=\"tip\"></div>\n<script>\n" + data(start, end) + "</script>\n<script>";
  page += detail::report_script;
  page += detail::report_controls;
  return page + "</script>\n</body>\n</html>\n";
}

}  // namespace vmt::inline VMT_ABI::transcribe
