// SPDX-License-Identifier: MIT
#include "paths.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

/// The one spelling of a path: absolute, links followed as far as it exists.
fs::path plain(const fs::path& path) {
  std::error_code failure;
  const fs::path p = fs::weakly_canonical(fs::absolute(path), failure);
  return failure ? fs::absolute(path).lexically_normal() : p;
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code failure;
  return plain(a) == plain(b) || (fs::equivalent(a, b, failure) && !failure);
}

/// Whether `path` lies in the folder `folder`.
bool inside(const fs::path& path, const fs::path& folder) {
  std::error_code failure;
  return fs::is_directory(folder, failure) && plain(path).parent_path() == plain(folder);
}

[[noreturn]] void refuse(vmt::errc code, const named_path& output, const std::string& why) {
  throw vmt::error(code, output.option + " '" + output.path.string() + "' " + why);
}

}  // namespace

void check_outputs(const std::vector<named_path>& inputs, const std::vector<named_path>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const named_path& out = outputs[i];
    if (out.path.empty()) continue;
    std::error_code failure;
    for (const named_path& in : inputs) {
      if (in.path.empty() || in.path == "-") continue;
      const std::string which = in.option + " '" + in.path.string() + "'";
      if (same_file(out.path, in.path)) {
        refuse(vmt::errc::invalid_argument, out, "is the same file as " + which + "; choose another name");
      }
      if (fs::exists(out.path, failure) && inside(out.path, in.path)) {
        refuse(vmt::errc::invalid_argument, out, "is a file of the input folder " + which + "; choose another name");
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!outputs[j].path.empty() && same_file(out.path, outputs[j].path)) {
        refuse(vmt::errc::invalid_argument, out,
               "is the same file as " + outputs[j].option + "; give each its own name");
      }
    }
    if (fs::is_directory(out.path, failure)) {
      refuse(vmt::errc::invalid_argument, out, "is a folder; add a file name");
    }
    const fs::path folder = out.path.has_parent_path() ? out.path.parent_path() : fs::path(".");
    if (!fs::is_directory(folder, failure)) {
      refuse(vmt::errc::not_found, out,
             "cannot be written: there is no folder '" + folder.string() + "'; make it first");
    }
  }
}

}  // namespace tool
