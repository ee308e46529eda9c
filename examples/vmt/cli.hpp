// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// \file
/// The command line by CLI11, whose headers take a compiler ten seconds: only cli.cpp includes them.

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tool {

/// A check of an option.
struct rule {
  std::string expected;                                  ///< what the help says
  std::function<std::string(const std::string&)> wrong;  ///< what is wrong with a value, in words; empty: nothing
};
/// A finite number from `low` to `high`. (CLI::Range lets NaN pass.)
[[nodiscard]] rule number_in(double low, double high);
/// One of these words.
[[nodiscard]] rule one_of(std::vector<std::string> words);
/// What one of the two lets pass.
[[nodiscard]] rule either(rule a, rule b);

/// An option of a command.
class option {
 public:
  explicit option(CLI::Option& o) : option_(&o) {}

  option* required();
  option* check(const rule& r);
  option* excludes(option* other);
  option* capture_default_str();  ///< shows in the help what the variable holds now

 private:
  CLI::Option* option_;
};

/// The program's command line or one of its commands. Options and commands live as long as the program's parser does.
class parser {
 public:
  parser(const char* what, const char* name, const char* version, const char* footer);

  parser* add_subcommand(const char* name, const char* what);
  /// T: a string, a number, a std::optional of either, a vector of strings (cli.cpp names them).
  template <class T>
  option* add_option(const char* names, T& value, const char* what);
  /// A word for each value of an enumeration.
  template <class Choice>
  option* add_choice(const char* names, Choice& value, const char* what,
                     std::vector<std::pair<std::string, Choice>> choices) {
    std::vector<std::string> words;
    for (const auto& choice : choices) words.push_back(choice.first);
    return add_words(names, what, std::move(words), [&value, choices = std::move(choices)](std::size_t i) {
      value = choices[i].second;
    });
  }
  option* add_flag(const char* names, bool& value, const char* what);

  /// The exit status where nothing is left to do: help, version, wrong usage. What is to be said has been printed.
  std::optional<int> parse(int argc, char** argv);
  [[nodiscard]] bool parsed() const;                        ///< whether this command was given
  [[nodiscard]] bool given(const std::string& name) const;  ///< whether this option was given

 private:
  explicit parser(CLI::App& command) : app_(&command) {}
  option* add_words(const char* names, const char* what, std::vector<std::string> words,
                    std::function<void(std::size_t)> choose);
  option* keep(CLI::Option* o);

  std::shared_ptr<CLI::App> program_;
  CLI::App* app_;
  std::vector<std::unique_ptr<parser>> commands_;
  std::vector<std::unique_ptr<option>> options_;
};

}  // namespace tool
