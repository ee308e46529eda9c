// SPDX-License-Identifier: MIT
#pragma once

#include "transcribe.hpp"

#include <vmt/model/key_net.hpp>
#include <vmt/model/onset_net.hpp>

/// \file
/// What runs on a CUDA device instead of the CPU. device_cuda.cu has it where the program is built with the CUDA
/// backend; elsewhere device.cpp says that it is not there.

namespace vmt::inline VMT_ABI::train {
class video_data;
class key_data;
}  // namespace vmt::inline VMT_ABI::train

namespace tool {

class parser;
struct train_options;

/// Adds `--device` and `--arithmetic` to a command.
void add_device_options(parser& p, device_choice& choice);

/// Trains on the device; `net` is where it begins, and what is saved.
int train_on_cuda(const train_options& o, vmt::onset_net<float>& net, const vmt::train::video_data& training,
                  const vmt::train::video_data& validation);
int train_on_cuda(const train_options& o, vmt::key_net<float>& net, const vmt::train::key_data& training,
                  const vmt::train::key_data& validation);

/// Shows a video to a network on the device.
vmt::transcribe::transcription_result watch_on_cuda(const device_choice& device, const vmt::onset_net<float>& net,
                                                    std::function<bool(vmt::frame&)>& source,
                                                    transcription_outputs& outputs,
                                                    const vmt::transcribe::transcribe_options& options);
vmt::transcribe::transcription_result watch_on_cuda(const device_choice& device, const vmt::key_net<float>& net,
                                                    std::function<bool(vmt::frame&)>& source,
                                                    transcription_outputs& outputs,
                                                    const vmt::transcribe::transcribe_options& options);

}  // namespace tool
