// SPDX-License-Identifier: MIT
// The program vmt: silent top-view piano video to MIDI. Each command is a file of this folder.

#include "cli.hpp"
#include "command.hpp"
#include "stop.hpp"

#include <vmt/core/config.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>  // strerror
#include <exception>

namespace tool {

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw vmt::error(vmt::errc::io_failure, std::string("cannot write to standard output: ") + std::strerror(errno));
  }
}

void complain(std::string_view text) {
  const std::string line = "vmt: " + std::string(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace tool

int main(int argc, char** argv) {
  tool::parser app("vmt turns silent top-view video of piano keys into MIDI.", "vmt", "vmt " VMT_VERSION_STRING,
                   "Exit status: 0 done, 2 wrong usage, 65 bad input data, 74 input or output error, 75 stopped early.");
  const tool::command commands[] = {tool::add_transcribe(app), tool::add_find_keyboard(app), tool::add_render(app),
                                    tool::add_train(app),      tool::add_evaluate(app),      tool::add_forward(app),
                                    tool::add_info(app),       tool::add_bench(app),         tool::add_quantize(app)};
  if (const std::optional<int> status = app.parse(argc, argv)) return *status;
  tool::outlive_failed_writes();
  try {
    for (const tool::command& c : commands) {
      if (c.line->parsed()) return c.run();
    }
  } catch (const vmt::error& e) {
    tool::complain(e.what());
    return tool::status_of(e.code());
  } catch (const std::bad_alloc&) {
    tool::complain("there is not enough memory; use smaller frames, a smaller batch or a narrower network");
  } catch (const std::exception& e) {
    tool::complain(e.what());
  }
  return tool::io_error;
}
