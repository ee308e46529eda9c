// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/io/safetensors.hpp>
#include <vmt/nn/adam.hpp>
#include <vmt/nn/plateau.hpp>
#include <vmt/train/checkpoint.hpp>
#include <vmt/train/curves.hpp>
#include <vmt/train/model_memory.hpp>

#include <limits>  // infinity

namespace vmt::inline VMT_ABI::train {

/// Where a training stands; with the model and the optimiser all that a resume needs.
struct progress {
  index_t epoch = 0;  ///< that is being trained, from 0
  index_t batch = 0;  ///< that comes next in it
  double learning_rate = 0;
  double loss_sum = 0;  ///< over the samples of this epoch so far
  index_t samples = 0;  ///< of this epoch so far, without those of skipped steps
  index_t skipped_in_epoch = 0;
  index_t skipped = 0;  ///< in all
  double best_loss = std::numeric_limits<double>::infinity();
  index_t best_epoch = -1;  ///< none yet
  nn::plateau_schedule::state plateau;
  std::vector<epoch_record> curves;
};

namespace detail {

inline std::string text_of(double value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

template <class N>
N number_from(const io::tensor_file& file, const std::string& key) {
  const auto found = file.metadata.find("vmt.train." + key);
  if (found == file.metadata.end()) throw error(errc::bad_format, "the checkpoint lacks vmt.train." + key);
  const std::string& text = found->second;
  N value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) {
    throw error(errc::bad_format, "the checkpoint's vmt.train." + key + " is \"" + text + "\", a number was expected");
  }
  return value;
}

/// f(key, field) for each number of a progress.
template <class Progress, class F>
void for_each_field(Progress& p, F&& f) {
  f("epoch", p.epoch);
  f("batch", p.batch);
  f("learning_rate", p.learning_rate);
  f("loss_sum", p.loss_sum);
  f("samples", p.samples);
  f("skipped_in_epoch", p.skipped_in_epoch);
  f("skipped", p.skipped);
  f("best_loss", p.best_loss);
  f("best_epoch", p.best_epoch);
  f("schedule.best", p.plateau.best);
  f("schedule.bad_epochs", p.plateau.bad_epochs);
  f("schedule.cooldown", p.plateau.cooldown);
}

inline void write_progress(io::tensor_file& file, const progress& p) {
  for_each_field(p, [&](const char* key, auto value) {
    std::string& text = file.metadata[std::string("vmt.train.") + key];
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      text = text_of(value);
    } else {
      text = std::to_string(value);
    }
  });
  std::string curves;
  for (const epoch_record& r : p.curves) {
    curves += std::to_string(r.epoch) + ' ' + text_of(r.learning_rate) + ' ' + text_of(r.train_loss) + ' ' +
              text_of(r.validation_loss) + ' ' + text_of(r.seconds) + ' ' + std::to_string(r.skipped) + '\n';
  }
  file.metadata["vmt.train.curves"] = curves;
}

inline progress read_progress(const io::tensor_file& file) {
  progress p;
  for_each_field(p, [&](const char* key, auto& value) {
    value = number_from<std::remove_reference_t<decltype(value)>>(file, key);
  });
  const auto curves = file.metadata.find("vmt.train.curves");
  if (curves == file.metadata.end()) throw error(errc::bad_format, "the checkpoint lacks vmt.train.curves");
  const char* at = curves->second.data();
  const char* const end = at + curves->second.size();
  const auto number = [&](auto& value) {
    const auto [stop, status] = std::from_chars(at, end, value);
    if (status != std::errc{} || stop == end) throw error(errc::bad_format, "the checkpoint's curves are malformed");
    at = stop + 1;
  };
  while (at != end) {
    epoch_record r;
    number(r.epoch);
    number(r.learning_rate);
    number(r.train_loss);
    number(r.validation_loss);
    number(r.seconds);
    number(r.skipped);
    p.curves.push_back(r);
  }
  const auto epochs = static_cast<index_t>(p.curves.size());
  if (p.epoch != epochs || p.batch < 0 || p.best_epoch < -1 || p.best_epoch >= p.epoch) {
    throw error(errc::bad_format, "the checkpoint's epoch, batch and curves contradict each other");
  }
  return p;
}

}  // namespace detail

/// A copy of what a model has learnt: parameters, and the running statistics of batch norm.
struct snapshot {
  std::vector<float> parameters;
  std::vector<float> buffers;

  [[nodiscard]] bool empty() const noexcept { return parameters.empty(); }

  template <class Model>
  void take_buffers(Model& model) {
    buffers.clear();
    model.for_each_buffer([&](const std::string&, auto b) { append_numbers<backend_of<Model>>(buffers, b); });
  }
  template <class Model>
  void take(Model& model) {
    parameters.clear();
    append_numbers<backend_of<Model>>(parameters, model.parameters());
    take_buffers(model);
  }
  /// Moves by a part of the way to what the model holds, 0 … 1; an empty one takes all of it.
  template <class Model>
  void approach(Model& model, double part) {
    if (empty()) return take(model);
    const auto by = static_cast<float>(part);
    const auto move = [by](float& a, float w) { a += by * (w - a); };
    if constexpr (backend_of<Model>::host_accessible) {
      const auto all = model.parameters().span();
      for (std::size_t i = 0; i < parameters.size(); ++i) move(parameters[i], all[i]);
      auto at = buffers.begin();
      model.for_each_buffer([&](const std::string&, auto b) {
        for (const float v : b.span()) move(*at++, v);
      });
    } else {
      snapshot now;
      now.take(model);
      for (std::size_t i = 0; i < parameters.size(); ++i) move(parameters[i], now.parameters[i]);
      for (std::size_t i = 0; i < buffers.size(); ++i) move(buffers[i], now.buffers[i]);
    }
  }
  template <class Model>
  void restore_buffers(Model& model) const {
    auto at = buffers.data();
    model.for_each_buffer([&](const std::string&, auto b) {
      backend_of<Model>::write(b.data_handle(), at, b.size());
      at += b.size();
    });
  }
  template <class Model>
  void restore(Model& model) const {
    const auto all = model.parameters();
    backend_of<Model>::write(all.data_handle(), parameters.data(), all.size());
    restore_buffers(model);
  }
};

}  // namespace vmt::inline VMT_ABI::train
