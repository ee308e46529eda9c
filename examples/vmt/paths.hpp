// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/core/error.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace tool {

/// A file that the command line names, with the option that names it.
struct named_path {
  std::string option;
  std::filesystem::path path;
};

/// What can be known about outputs before the work: throws `invalid_argument` where one is an input, two are the same
/// file or one is a folder, `not_found` where its folder does not exist. Links, other spellings and other names of the
/// same file do not help. Empty paths are passed over.
void check_outputs(const std::vector<named_path>& inputs, const std::vector<named_path>& outputs);

/// Calls `read(path)` for a file that the command line names. What the library calls a wrong argument there, or not
/// found within the file, is bad data: the command line is right. The file's name is put in front where the message
/// lacks it.
template <class Read>
auto read_input(const std::filesystem::path& path, Read&& read) {
  try {
    return read(path);
  } catch (const vmt::error& e) {
    std::error_code ignored;
    vmt::errc code = e.code();
    if (code == vmt::errc::invalid_argument ||
        (code == vmt::errc::not_found && std::filesystem::exists(path, ignored))) {
      code = vmt::errc::bad_format;
    }
    const std::string what = e.what();
    throw vmt::error(code, what.find(path.string()) == std::string::npos ? "'" + path.string() + "': " + what : what);
  }
}

}  // namespace tool
