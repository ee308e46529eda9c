// SPDX-License-Identifier: MIT
#include "cli.hpp"

#include "command.hpp"

#include <vmt/io/number.hpp>

// GCC sees null pointers in its own std::vector when CLI11 uses it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#endif
#include <CLI/CLI.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <algorithm>
#include <cstdint>

namespace tool {

rule number_in(double low, double high) {
  std::string range;
  vmt::io::append_number(range, low);
  range += " to ";
  vmt::io::append_number(range, high);
  return {range, [=](const std::string& text) {
            const auto value = vmt::io::parse_double(text);
            return value && *value >= low && *value <= high
                       ? std::string()
                       : "'" + text + "' is not accepted, a number from " + range + " is expected";
          }};
}

rule one_of(std::vector<std::string> words) {
  std::string list = "{";
  for (const std::string& word : words) list += (list.size() > 1 ? "," : "") + word;
  list += "}";
  return {list, [words = std::move(words), list](const std::string& text) {
            return std::find(words.begin(), words.end(), text) != words.end() ? std::string()
                                                                              : text + " not in " + list;
          }};
}

rule either(rule a, rule b) {
  std::string expected = a.expected + " or " + b.expected;
  return {std::move(expected), [a = std::move(a), b = std::move(b)](const std::string& text) {
            const std::string first = a.wrong(text);
            if (first.empty() || b.wrong(text).empty()) return std::string();
            return first + "; or " + b.expected;
          }};
}

option* option::required() {
  option_->required();
  return this;
}
option* option::check(const rule& r) {
  option_->check(CLI::Validator([wrong = r.wrong](std::string& text) { return wrong(text); }, r.expected));
  return this;
}
option* option::excludes(option* other) {
  option_->excludes(other->option_);
  return this;
}
option* option::capture_default_str() {
  option_->capture_default_str();
  return this;
}

parser::parser(const char* what, const char* name, const char* version, const char* footer)
    : program_(std::make_shared<CLI::App>(what, name)), app_(program_.get()) {
  app_->set_version_flag("--version", version);
  app_->require_subcommand(1);
  app_->footer(footer);
}

parser* parser::add_subcommand(const char* name, const char* what) {
  commands_.push_back(std::unique_ptr<parser>(new parser(*app_->add_subcommand(name, what))));
  return commands_.back().get();
}

option* parser::keep(CLI::Option* o) {
  options_.push_back(std::make_unique<option>(*o));
  return options_.back().get();
}

template <class T>
option* parser::add_option(const char* names, T& value, const char* what) {
  return keep(app_->add_option(names, value, what));
}
template option* parser::add_option(const char*, std::string&, const char*);
template option* parser::add_option(const char*, std::vector<std::string>&, const char*);
template option* parser::add_option(const char*, int&, const char*);
template option* parser::add_option(const char*, std::ptrdiff_t&, const char*);
template option* parser::add_option(const char*, std::uint64_t&, const char*);
template option* parser::add_option(const char*, double&, const char*);
template option* parser::add_option(const char*, std::optional<int>&, const char*);
template option* parser::add_option(const char*, std::optional<double>&, const char*);

option* parser::add_flag(const char* names, bool& value, const char* what) {
  return keep(app_->add_flag(names, value, what));
}

option* parser::add_words(const char* names, const char* what, std::vector<std::string> words,
                          std::function<void(std::size_t)> choose) {
  const rule known = one_of(words);
  CLI::Option* const o = app_->add_option_function<std::string>(
      names,
      [words = std::move(words), choose = std::move(choose)](const std::string& word) {
        choose(static_cast<std::size_t>(std::find(words.begin(), words.end(), word) - words.begin()));
      },
      what);
  option* const kept = keep(o);
  return kept->check(known);
}

std::optional<int> parser::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app_->exit(e) == 0 ? done : wrong_usage;
  }
  return std::nullopt;
}

bool parser::parsed() const {
  return app_->parsed();
}
bool parser::given(const std::string& name) const {
  return app_->get_option(name)->count() > 0;
}

}  // namespace tool
