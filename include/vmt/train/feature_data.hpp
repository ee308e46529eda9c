// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/io/safetensors.hpp>
#include <vmt/tensor/extents.hpp>
#include <vmt/train/fingerprint.hpp>

#include <algorithm>  // copy_n
#include <vector>

namespace vmt::inline VMT_ABI::train {

/// Feature vectors with targets, for `av_fusion`: a data source of `trainer`. Sample i is audio[i] followed by
/// visual[i]. All is kept in memory. There is nothing to augment.
class feature_data {
 public:
  /// A safetensors file with `audio` N×A, `visual` N×V and `targets` N×K in any floating type. Targets are 0 or 1.
  /// Throws what `io::tensor_file::load` throws (NaN is refused), `not_found`, `shape_mismatch`, `bad_format`; every
  /// message names the file.
  explicit feature_data(const std::filesystem::path& path, const io::safetensors_options& options = {})
      : feature_data(io::tensor_file::load(path, options), path.string()) {}

  /// The same from memory; `where` begins the messages.
  explicit feature_data(const io::tensor_file& file, const std::string& where = "the features") {
    const auto take = [&](const char* name, std::vector<float>& values) {
      try {
        const std::vector<index_t>& shape = file.at(name).shape;
        if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
          throw error(errc::shape_mismatch, std::string("'") + name + "' has the shape " +
                                                io::detail::shape_text(shape) + ", samples × numbers were expected");
        }
        if (samples_ == 0) samples_ = shape[0];
        if (shape[0] != samples_) {
          throw error(errc::shape_mismatch, std::string("'") + name + "' has " + std::to_string(shape[0]) +
                                                " samples, 'audio' has " + std::to_string(samples_));
        }
        values = file.read<float>(name);
        return shape[1];
      } catch (const error& e) {
        throw error(e.code(), where + ": " + e.what());
      }
    };
    audio_size_ = take("audio", audio_);
    visual_size_ = take("visual", visual_);
    keys_ = take("targets", targets_);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (targets_[i] == 0.0F || targets_[i] == 1.0F) continue;
      throw error(errc::bad_format, where + ": element " + std::to_string(i) + " of 'targets' is " +
                                        std::to_string(targets_[i]) + ", 0 or 1 was expected");
    }
    for (const auto* values : {&audio_, &visual_, &targets_}) {
      const auto bytes = std::as_bytes(std::span(*values));
      fingerprint_ = fingerprint_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, fingerprint_);
    }
  }

  [[nodiscard]] index_t size() const noexcept { return samples_; }
  [[nodiscard]] index_t audio_features() const noexcept { return audio_size_; }
  [[nodiscard]] index_t visual_features() const noexcept { return visual_size_; }
  [[nodiscard]] index_t keys() const noexcept { return keys_; }
  [[nodiscard]] extents<1> input_sizes() const noexcept { return {audio_size_ + visual_size_}; }
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }

  void load(index_t sample, std::uint32_t /*epoch*/, bool /*augment*/, std::span<float> x,
            std::span<float> targets) const {
    if (sample < 0 || sample >= samples_ || static_cast<index_t>(x.size()) != audio_size_ + visual_size_ ||
        static_cast<index_t>(targets.size()) != keys_) {
      throw error(errc::invalid_argument, "feature_data: sample " + std::to_string(sample) + " of " +
                                              std::to_string(samples_) + ", or room of another size than its own");
    }
    std::copy_n(audio_.data() + sample * audio_size_, audio_size_, x.data());
    std::copy_n(visual_.data() + sample * visual_size_, visual_size_, x.data() + audio_size_);
    std::copy_n(targets_.data() + sample * keys_, keys_, targets.data());
  }

 private:
  index_t samples_ = 0;
  index_t audio_size_ = 0;
  index_t visual_size_ = 0;
  index_t keys_ = 0;
  std::vector<float> audio_, visual_, targets_;
  std::uint64_t fingerprint_ = fingerprint_of("feature_data");
};

}  // namespace vmt::inline VMT_ABI::train
