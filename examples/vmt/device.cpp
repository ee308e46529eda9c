// SPDX-License-Identifier: MIT
#include "device.hpp"

#include "cli.hpp"

namespace tool {

void add_device_options(parser& p, device_choice& choice) {
  p.add_option("--device", choice.name, "cpu, or cuda in a program that was built with VMT_ENABLE_CUDA")
      ->check(one_of({"cpu", "cuda"}))
      ->capture_default_str();
  p.add_option("--arithmetic", choice.arithmetic,
               "of products with --device cuda: f32, or on tensor cores tf32 or bf16, with sums in f32")
      ->check(one_of({"f32", "tf32", "bf16"}))
      ->capture_default_str();
}

#if !defined(VMT_TOOL_CUDA)
namespace {
[[noreturn]] void refuse() {
  throw vmt::error(vmt::errc::invalid_argument,
                   "--device cuda: this program was built without CUDA; build it with -DVMT_ENABLE_CUDA=ON");
}
}  // namespace

int train_on_cuda(const train_options&, vmt::onset_net<float>&, const vmt::train::video_data&,
                  const vmt::train::video_data&) {
  refuse();
}
int train_on_cuda(const train_options&, vmt::key_net<float>&, const vmt::train::key_data&,
                  const vmt::train::key_data&) {
  refuse();
}
vmt::transcribe::transcription_result watch_on_cuda(const device_choice&, const vmt::onset_net<float>&,
                                                    std::function<bool(vmt::frame&)>&, transcription_outputs&,
                                                    const vmt::transcribe::transcribe_options&) {
  refuse();
}
vmt::transcribe::transcription_result watch_on_cuda(const device_choice&, const vmt::key_net<float>&,
                                                    std::function<bool(vmt::frame&)>&, transcription_outputs&,
                                                    const vmt::transcribe::transcribe_options&) {
  refuse();
}
#endif

}  // namespace tool
