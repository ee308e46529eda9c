// SPDX-License-Identifier: MIT
#pragma once

#include <vmt/nn/clip_norm.hpp>
#include <vmt/nn/cosine.hpp>
#include <vmt/ops/gradients.hpp>
#include <vmt/train/batch_loader.hpp>
#include <vmt/train/fingerprint.hpp>
#include <vmt/train/state.hpp>
#include <vmt/train/task.hpp>

#include <chrono>
#include <cmath>  // isfinite
#include <type_traits>

namespace vmt::inline VMT_ABI::train {

/// How the learning rate goes on from `adam.learning_rate`.
enum class learning_rate_schedule {
  plateau,  ///< falls when the validation loss stays (the paper)
  cosine,   ///< rises for the warm-up, then falls along half a cosine until the last of `epochs`
};
[[nodiscard]] constexpr std::string_view name(learning_rate_schedule s) noexcept {
  return s == learning_rate_schedule::plateau ? "plateau" : "cosine";
}

struct trainer_options {
  index_t batch = 24;    ///< paper, section 4.2; an epoch's last batch may be smaller, but one of size 1 is left out
  index_t epochs = 100;  ///< stop after so many
  index_t samples_per_epoch = 0;   ///< 0: all of them
  index_t validation_samples = 0;  ///< 0: all; else the same random ones each time
  index_t stop_after = 0;          ///< stop after so many epochs without a new best validation loss; 0: never
  ops::adam_params adam = {};
  learning_rate_schedule schedule = learning_rate_schedule::plateau;
  nn::plateau_options plateau = {};
  nn::cosine_options cosine = {};
  std::uint64_t seed = 1;    ///< of the order of the samples
  bool augment = true;       ///< asked of the training source
  double clip_norm = 0;      ///< gradients are shortened to this Euclidean norm (`nn::clip_norm`); 0: never
  double average = 0;        ///< decay of the running average of the weights, see `trainer`; 0: none
  int loader_threads = 1;    ///< that load training samples; the results do not depend on it
  index_t max_skipped = 10;  ///< give up after so many steps that were skipped because a number was not finite

  std::filesystem::path folder = {};  ///< for checkpoints and `curves.csv`; empty: none are written
  bool resume = false;                ///< go on from the newest checkpoint in `folder`, if there is one
  double checkpoint_seconds =
      300;  ///< a checkpoint so often within an epoch, and one at the end of each; 0: not by time
  index_t checkpoint_batches = 0;  ///< the same, counted in batches
};

struct batch_info {
  index_t epoch;    ///< from 0
  index_t batch;    ///< that was just trained, from 0
  index_t batches;  ///< in this epoch
  double loss;      ///< of this batch; may be NaN where the step was skipped
  bool skipped;
  double learning_rate;
};

struct epoch_info {
  const epoch_record& record;
  bool improved;  ///< its validation loss is the best so far; the model holds the weights that gave it
};

enum class stop_reason { epochs, no_improvement, callback };

/// Trains with Adam: either a `training_task`, which brings its own loss, or a model with `forward`, `forward_train`,
/// `backward`, `parameters`, `gradients`, `for_each_parameter` and `for_each_buffer`, on the class-balanced
/// cross-entropy of the paper (`balanced_task`). Samples come from any `data_source` of its input.
///
/// Results depend on the options, the data and the instruction set only: they are bitwise the same for any number of
/// threads, and a training that was stopped between any two batches and resumed ends bitwise as if it never stopped.
/// With `average` the weights that are validated, kept as the best and shown to `on_epoch` are a running average a over
/// the steps, batch norm's statistics alike: a += (1 − d)(w − a) after step n, d = min(average, (n + 1)/(n + 10)); the
/// training itself goes on from the last weights w.
/// A step whose loss or gradient is not finite changes neither weights nor statistics nor optimiser.
///
///     vmt::train::trainer trainer(net, {.epochs = 20, .folder = "run"});
///     trainer.run(ctx, train_data, validation_data);
///     trainer.restore_best();
template <class Model>
class trainer {
  static_assert(std::is_same_v<typename Model::value_type, float>, "models are trained in float");
  static constexpr std::size_t rank = Model::input_rank;
  using task_type = std::conditional_t<training_task<Model>, Model&, balanced_task<Model>>;
  using backend = backend_of<Model>;

 public:
  /// `model`, which may be a task, is borrowed. Throws `invalid_argument`.
  explicit trainer(Model& model, const trainer_options& options = {})
      : model_(model),
        task_(model),
        o_(options),
        adam_(model.parameters().size(), options.adam),
        plateau_(options.plateau),
        checkpoints_(options.folder) {
    const auto require = [](bool good, const char* what) {
      if (!good) throw error(errc::invalid_argument, std::string("trainer: ") + what);
    };
    require(o_.batch >= 1 && o_.batch <= 65536, "the batch size must be 1 … 65536");
    require(o_.epochs >= 0 && o_.epochs <= 1'000'000, "epochs must be 0 … 1000000");
    require(o_.samples_per_epoch >= 0 && o_.validation_samples >= 0, "numbers of samples must not be negative");
    require(o_.adam.learning_rate > 0 && std::isfinite(o_.adam.learning_rate), "the learning rate must be positive");
    require(o_.adam.weight_decay >= 0 && o_.adam.learning_rate * o_.adam.weight_decay < 1,
            "the weight decay must not be negative, nor take more than all of a weight in a step");
    require(o_.cosine.warm_up >= 0 && o_.cosine.floor >= 0 && o_.cosine.floor <= 1,
            "the cosine's warm-up must not be negative and its floor in [0, 1]");
    require(o_.clip_norm >= 0 && std::isfinite(o_.clip_norm), "the norm to clip at must not be negative");
    require(o_.average >= 0 && o_.average < 1, "the decay of the average must be in [0, 1)");
    require(o_.loader_threads >= 1 && o_.loader_threads <= 256, "loader threads must be 1 … 256");
    require(o_.max_skipped >= 0 && o_.stop_after >= 0, "max_skipped and stop_after must not be negative");
    require(o_.checkpoint_seconds >= 0 && o_.checkpoint_batches >= 0, "checkpoint intervals must not be negative");
    require(!o_.resume || !o_.folder.empty(), "resume needs a folder");
    progress_.learning_rate = o_.adam.learning_rate;
  }

  /// Trains until a reason to stop. Callbacks are borrowed objects with `on_batch(const batch_info&)` or
  /// `on_epoch(const epoch_info&)` or both; one that returns true stops the training after a checkpoint.
  /// Throws `not_finite` after `max_skipped` skipped steps or for a validation loss that is not finite (both name the
  /// last good checkpoint), `inconsistent` where a checkpoint is of other options or data, or where the folder has one
  /// and `resume` is off; and what the data sources throw.
  template <class Context, class Train, class Validation, class... Callbacks>
    requires data_source<Train, rank - 1> && data_source<Validation, rank - 1> stop_reason
    run(Context& ctx, const Train& train, const Validation& validation, Callbacks&... callbacks) {
      if (train.size() < 1 || validation.size() < 1)
        throw error(errc::invalid_argument, "trainer: a data source is empty");
      start(train, validation);
      while (progress_.epoch < o_.epochs) {
        if (o_.stop_after > 0 && progress_.epoch - 1 - progress_.best_epoch >= o_.stop_after) {
          return stop_reason::no_improvement;
        }
        const auto begin = clock::now();
        if (!train_epoch(ctx, train, callbacks...)) {
          save();
          return stop_reason::callback;
        }
        snapshot last;
        if (!average_.empty()) {
          last.take(model_);
          average_.restore(model_);
        }
        const double loss = validate(ctx, validation);
        const bool stop = end_epoch(loss, std::chrono::duration<double>(clock::now() - begin).count(), callbacks...);
        if (!last.empty()) last.restore(model_);
        save();
        if (stop) return stop_reason::callback;
      }
      return stop_reason::epochs;
    }

  /// The mean loss of a data source in inference mode, without augmentation: each batch's loss
  /// weighted by its size. Samples are taken in one fixed random order, so that each batch is a fair mixture.
  template <class Context, class Source>
    requires data_source<Source, rank - 1>
  [[nodiscard]] double validate(Context& ctx, const Source& source) {
    const std::vector<std::uint32_t> order = shuffled(source.size(), o_.validation_samples, 0, 0xFFFFFFFF);
    const index_t all = static_cast<index_t>(order.size());
    batch_loader<Source, rank, Context, in_bytes<Source, Context>> loader(source, order, o_.batch, 0, 0, false);
    double sum = 0;
    for (index_t done = 0; done < all;) {
      const auto data = loader.next();
      sum += task_.loss(ctx, data.x, data.targets) * static_cast<double>(data.targets.extent(0));
      done += data.targets.extent(0);
    }
    return sum / static_cast<double>(all);
  }

  [[nodiscard]] const progress& state() const noexcept { return progress_; }
  /// Gives the model the weights of the best epoch; does nothing before the first epoch's end.
  void restore_best() {
    if (!best_.empty()) best_.restore(model_);
  }

 private:
  using clock = std::chrono::steady_clock;
  /// Whether windows go to a device as bytes, which makes the numbers: of sources that leave that to it.
  template <class Source, class Context>
  static constexpr bool in_bytes =
      detail::batch_memory<Context>::device && window_source<Source> && !training_task<Model> && rank == 4;

  template <class Train, class Validation>
  void start(const Train& train, const Validation& validation) {
    std::string text = "batch " + std::to_string(o_.batch) + " samples " + std::to_string(o_.samples_per_epoch) + ' ' +
                       std::to_string(o_.validation_samples) + " seed " + std::to_string(o_.seed) +
                       (o_.augment ? " augment" : "");
    for (const double v : {o_.adam.learning_rate, o_.adam.beta1, o_.adam.beta2, o_.adam.epsilon, o_.plateau.factor,
                           static_cast<double>(o_.plateau.patience), o_.plateau.threshold, o_.plateau.minimum,
                           static_cast<double>(o_.plateau.cooldown)}) {
      text += ' ' + detail::text_of(v);
    }
    if (o_.adam.weight_decay > 0) text += " decay " + detail::text_of(o_.adam.weight_decay);
    if (o_.clip_norm > 0) text += " clip " + detail::text_of(o_.clip_norm);
    if (o_.average > 0) text += " average " + detail::text_of(o_.average);
    if constexpr (requires { task_.description(); }) text += ' ' + task_.description();
    if (o_.schedule == learning_rate_schedule::cosine) {  // here the number of epochs decides about each step
      text += " cosine " + std::to_string(o_.epochs) + ' ' + std::to_string(o_.cosine.warm_up) + ' ' +
              detail::text_of(o_.cosine.floor);
    }
    model_.for_each_parameter([&](const std::string& name, const auto& p) {
      text += '\n' + name;
      for (const index_t n : p.shape()) text += ' ' + std::to_string(n);
    });
    options_hash_ = detail::hex(fingerprint_of(text), 16);
    data_hash_ = detail::hex(fingerprint_of(std::to_string(validation.fingerprint()), train.fingerprint()), 16);
    last_save_ = clock::now();
    if (o_.folder.empty()) return;
    std::error_code failure;
    std::filesystem::create_directories(o_.folder, failure);
    if (failure) {
      throw error(errc::io_failure,
                  "cannot make the folder " + vmt::detail::quoted(o_.folder) + ": " + failure.message());
    }
    if (running_) return;
    if (const auto file = checkpoints_.load()) {
      if (!o_.resume) {
        throw error(errc::inconsistent, "the folder " + vmt::detail::quoted(o_.folder) +
                                            " already holds a training; resume it or choose another folder");
      }
      read(*file);
    }
    running_ = true;
  }

  template <class Context, class Train, class... Callbacks>
  bool train_epoch(Context& ctx, const Train& train, Callbacks&... callbacks) {
    std::vector<std::uint32_t> order =
        shuffled(train.size(), o_.samples_per_epoch, o_.seed, static_cast<std::uint32_t>(progress_.epoch));
    const auto n = static_cast<index_t>(order.size());
    if (n > 1 && o_.batch > 1 && n % o_.batch == 1) order.pop_back();  // batch norm needs more than one sample
    const index_t batches = (static_cast<index_t>(order.size()) + o_.batch - 1) / o_.batch;
    if (progress_.batch >= batches) return true;
    batch_loader<Train, rank, Context, in_bytes<Train, Context>> loader(
        train, order, o_.batch, progress_.batch, static_cast<std::uint32_t>(progress_.epoch), o_.augment,
        o_.loader_threads);
    while (progress_.batch < batches) {
      const auto data = loader.next();
      if (o_.schedule == learning_rate_schedule::cosine) {
        progress_.learning_rate = o_.adam.learning_rate * nn::cosine_factor(progress_.epoch * batches + progress_.batch,
                                                                            o_.epochs * batches, o_.cosine);
      }
      batch_info info{progress_.epoch, progress_.batch, batches, 0, false, progress_.learning_rate};
      info.loss = step(ctx, data.x, data.targets, info.skipped);
      ++progress_.batch;
      bool stop = false;
      ((stop = on_batch(callbacks, info) || stop), ...);
      if (stop) return false;
      if (progress_.skipped >= o_.max_skipped && info.skipped) {
        throw error(errc::not_finite, "training: " + std::to_string(progress_.skipped) +
                                          " steps had a loss or gradient that is not finite, the last one in epoch " +
                                          std::to_string(info.epoch) + ", batch " + std::to_string(info.batch) +
                                          "; check the data or lower the learning rate. " + last_checkpoint());
      }
      const std::chrono::duration<double> waited = clock::now() - last_save_;
      if ((o_.checkpoint_batches > 0 && progress_.batch % o_.checkpoint_batches == 0) ||
          (o_.checkpoint_seconds > 0 && waited.count() >= o_.checkpoint_seconds)) {
        save();
      }
    }
    return true;
  }

  template <class Context, class Input>
  double step(Context& ctx, const Input& x, const_view<float, 2> targets, bool& skipped) {
    ops::fill(ctx, model_.gradients(), 0.0F);
    before_.take(model_);
    if constexpr (requires { task_.begin_step(index_t{}); }) task_.begin_step(adam_.step());
    const double loss = task_.train_step(ctx, x, targets);
    skipped = !std::isfinite(loss);
    ops::gradient_size size;
    if (!skipped) {
      // The square of a larger one would make Adam's second moment infinite for ever.
      size = ops::gradient_norm(ctx, model_.gradients(), static_cast<double>(1e18F));
      skipped = !size.sound;
    }
    if (skipped) {
      before_.restore(model_);
      ++progress_.skipped;
      ++progress_.skipped_in_epoch;
      return loss;
    }
    if (o_.clip_norm > 0 && size.norm > o_.clip_norm) {
      ops::scale(ctx, model_.gradients(), static_cast<float>(nn::clip_factor(size.norm, o_.clip_norm)));
    }
    adam_.params.learning_rate = progress_.learning_rate;
    adam_.update(ctx, model_.parameters(), model_.gradients());
    if (o_.average > 0) {
      const auto n = static_cast<double>(adam_.step());
      average_.approach(model_, 1 - (std::min)(o_.average, (n + 1) / (n + 10)));
    }
    progress_.loss_sum += loss * static_cast<double>(targets.extent(0));
    progress_.samples += targets.extent(0);
    return loss;
  }

  template <class... Callbacks>
  bool end_epoch(double loss, double seconds, Callbacks&... callbacks) {
    if (!std::isfinite(loss)) {
      throw error(errc::not_finite, "training: the validation loss of epoch " + std::to_string(progress_.epoch) +
                                        " is not finite; check the validation data. " + last_checkpoint());
    }
    progress& p = progress_;
    p.curves.push_back(
        {p.epoch, p.learning_rate, p.loss_sum / static_cast<double>(p.samples), loss, seconds, p.skipped_in_epoch});
    const bool improved = loss < p.best_loss;
    if (improved) {
      p.best_loss = loss;
      p.best_epoch = p.epoch;
      best_.take(model_);
    }
    if (o_.schedule == learning_rate_schedule::plateau) {
      p.learning_rate = plateau_.update(loss, p.learning_rate);
      p.plateau = plateau_.current();
    }
    ++p.epoch;
    p.batch = p.samples = p.skipped_in_epoch = 0;
    p.loss_sum = 0;
    if (!o_.folder.empty()) write_file(o_.folder / "curves.csv", format_curves(p.curves));
    [[maybe_unused]] const epoch_info info{p.curves.back(), improved};
    bool stop = false;
    ((stop = on_epoch(callbacks, info) || stop), ...);
    return stop;
  }

  template <class C>
  static bool on_batch(C& callback, const batch_info& info) {
    static_assert(
        requires { callback.on_batch(info); } || requires(const epoch_info& e) { callback.on_epoch(e); },
        "a callback has on_batch(const batch_info&) or on_epoch(const epoch_info&)");
    if constexpr (requires { callback.on_batch(info) || true; }) {
      return callback.on_batch(info);
    } else if constexpr (requires { callback.on_batch(info); }) {
      callback.on_batch(info);
    }
    return false;
  }
  template <class C>
  static bool on_epoch(C& callback, const epoch_info& info) {
    if constexpr (requires { callback.on_epoch(info) || true; }) {
      return callback.on_epoch(info);
    } else if constexpr (requires { callback.on_epoch(info); }) {
      callback.on_epoch(info);
    }
    return false;
  }

  [[nodiscard]] std::string last_checkpoint() const {
    const std::filesystem::path path = checkpoints_.newest();
    return path.empty() ? "There is no checkpoint yet" : "The last good checkpoint is " + vmt::detail::quoted(path);
  }

  void save() {
    if (o_.folder.empty()) return;
    io::tensor_file file;
    file.metadata = {{"vmt.checkpoint", "1"},
                     {"vmt.version", VMT_VERSION_STRING},
                     {"vmt.train.options", options_hash_},
                     {"vmt.train.data", data_hash_},
                     {"vmt.train.adam_step", std::to_string(adam_.step())}};
    detail::write_progress(file, progress_);
    snapshot now;
    now.take(model_);
    const auto add = [&](const char* name, std::span<const float> values) {
      const std::array<index_t, 1> shape{static_cast<index_t>(values.size())};
      file.add<float>(name, shape, values);
    };
    add("parameters", now.parameters);
    add("buffers", now.buffers);
    std::vector<float> m, v;
    append_numbers<backend>(m, adam_.first_moment());
    append_numbers<backend>(v, adam_.second_moment());
    add("adam.m", m);
    add("adam.v", v);
    add("best.parameters", best_.parameters);
    add("best.buffers", best_.buffers);
    if (o_.average > 0) {
      add("average.parameters", average_.parameters);
      add("average.buffers", average_.buffers);
    }
    checkpoints_.save(std::move(file));
    last_save_ = clock::now();
  }

  void read(const io::tensor_file& file) {
    const auto refuse = [&](const std::string& what) {
      throw error(errc::inconsistent, "cannot resume from " + vmt::detail::quoted(checkpoints_.newest()) + ": " + what);
    };
    const auto text = [&](const char* key) {
      const auto found = file.metadata.find(key);
      return found == file.metadata.end() ? std::string() : found->second;
    };
    if (text("vmt.checkpoint") != "1") refuse("it is no checkpoint of this version of the library");
    if (text("vmt.train.options") != options_hash_) {
      refuse("it was trained with another model or other options; use the same, or begin in another folder");
    }
    if (text("vmt.train.data") != data_hash_) {
      refuse("it was trained with other data or augmentation; use the same, or begin in another folder");
    }
    snapshot now, best, average;
    now.take(model_);
    best = now;
    if (o_.average > 0) average = now;
    std::vector<float> m(now.parameters.size()), v(now.parameters.size());
    const auto fill = [&](const char* name, std::vector<float>& values, bool may_be_empty) {
      std::vector<float> stored = file.read<float>(name);
      if (stored.size() != values.size() && !(may_be_empty && stored.empty())) {
        refuse(std::string(name) + " has " + std::to_string(stored.size()) + " numbers, " +
               std::to_string(values.size()) + " were expected");
      }
      values = std::move(stored);
    };
    fill("parameters", now.parameters, false);
    fill("buffers", now.buffers, false);
    fill("adam.m", m, false);
    fill("adam.v", v, false);
    fill("best.parameters", best.parameters, true);
    fill("best.buffers", best.buffers, true);
    if (o_.average > 0) {
      fill("average.parameters", average.parameters, true);
      fill("average.buffers", average.buffers, true);
    }
    progress loaded = detail::read_progress(file);
    const auto steps = detail::number_from<index_t>(file, "adam_step");
    now.restore(model_);
    backend::write(adam_.first_moment().data_handle(), m.data(), std::ssize(m));
    backend::write(adam_.second_moment().data_handle(), v.data(), std::ssize(v));
    adam_.set_step(steps);
    best_ = std::move(best);
    average_ = std::move(average);
    progress_ = std::move(loaded);
    plateau_.restore(progress_.plateau);
  }

  Model& model_;
  task_type task_;
  trainer_options o_;
  nn::adam<float, backend> adam_;
  nn::plateau_schedule plateau_;
  checkpoint_pair checkpoints_;
  progress progress_;
  snapshot best_;
  snapshot average_;              // empty without `average`
  kept_buffers<backend> before_;  // batch norm's statistics before the step
  std::string options_hash_, data_hash_;
  clock::time_point last_save_;
  bool running_ = false;
};

}  // namespace vmt::inline VMT_ABI::train
