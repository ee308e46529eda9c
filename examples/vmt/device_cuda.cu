// SPDX-License-Identifier: MIT
#include <vmt/backend/cuda/cuda.cuh>
#include <vmt/engine/gpu_key_engine.hpp>
#include <vmt/engine/gpu_onset_engine.hpp>

#include "device.hpp"
#include "train.hpp"

#include <vmt/train/dataset.hpp>
#include <vmt/train/key_data.hpp>
#include <vmt/train/key_task.hpp>
#include <vmt/transcribe/key_transcriber.hpp>

namespace tool {
namespace {

vmt::cuda_context context_for(const device_choice& device) {
  vmt::gpu_options o;
  for (const auto p : {vmt::gpu::precision::f32, vmt::gpu::precision::tf32, vmt::gpu::precision::bf16}) {
    if (device.arithmetic == name(p)) o.precision = p;
  }
  return vmt::cuda_context(o);
}

}  // namespace

int train_on_cuda(const train_options& o, vmt::onset_net<float>& net, const vmt::train::video_data& training,
                  const vmt::train::video_data& validation) {
  vmt::cuda_context ctx = context_for(o.device);
  vmt::onset_net<float, vmt::cuda> there(net.options());
  vmt::nn::copy_weights(net, there);
  return train_to_the_end(ctx, o, there, net, training, validation, [&] { vmt::nn::copy_weights(there, net); });
}

int train_on_cuda(const train_options& o, vmt::key_net<float>& net, const vmt::train::key_data& training,
                  const vmt::train::key_data& validation) {
  vmt::cuda_context ctx = context_for(o.device);
  vmt::key_net<float, vmt::cuda> there(net.options());
  vmt::nn::copy_weights(net, there);
  vmt::train::key_task task(there, {}, o.trainer.seed);
  return train_to_the_end(ctx, o, task, net, training, validation, [&] { vmt::nn::copy_weights(there, net); });
}

vmt::transcribe::transcription_result watch_on_cuda(const device_choice& device, const vmt::onset_net<float>& net,
                                                    std::function<bool(vmt::frame&)>& source,
                                                    transcription_outputs& outputs,
                                                    const vmt::transcribe::transcribe_options& options) {
  vmt::cuda_context ctx = context_for(device);
  vmt::gpu_onset_engine<vmt::cuda_runtime> engine(ctx, net);
  return vmt::transcribe::transcribe(ctx, engine, source, outputs, options);
}

vmt::transcribe::transcription_result watch_on_cuda(const device_choice& device, const vmt::key_net<float>& net,
                                                    std::function<bool(vmt::frame&)>& source,
                                                    transcription_outputs& outputs,
                                                    const vmt::transcribe::transcribe_options& options) {
  vmt::cuda_context ctx = context_for(device);
  using engine = vmt::gpu_key_engine<vmt::cuda_runtime>;
  return vmt::transcribe::transcribe<engine>(ctx, net, source, outputs, options);
}

}  // namespace tool
