#include "detector.hpp"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "modelfile.hpp"
#include "runtime.hpp"

namespace aetk {
namespace {

constexpr std::array<const char*, 1> kInputs = {"features"};
constexpr std::array<const char*, 4> kOutputs = {"similarity", "is_anomaly", "is_valid", "contribution"};
constexpr int kWarmUp = 100, kCalls = 500;

Problem cannot_run(const Card& card, const Ort::Exception& error) {
  const std::string whole = error.what();
  const std::string first = whole.substr(0, std::min<std::size_t>(whole.find('\n'), 300));
  return Problem(std::string(Detector::kProvider) + " cannot run this model: " + first,
                 "The model requires " + card.runtime + ".", 3);
}

}  // namespace

struct Detector::State {
  State(const std::string& model, ModelFile file, int threads, const std::string& library)
      : path(model), card(std::move(file.card)), version(load_runtime(library)) {
    try {
      environment = Ort::Env(ORT_LOGGING_LEVEL_ERROR, "detector");
      Ort::SessionOptions options;
      if (threads > 0) options.SetIntraOpNumThreads(threads);
      session = Ort::Session(environment, file.bytes.data(), file.bytes.size(), options);
      outputs = session.GetOutputCount();
      memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    } catch (const Ort::Exception& error) {
      throw cannot_run(card, error);
    }
  }

  std::string path;
  Card card;
  std::string version;
  Ort::Env environment{nullptr};
  Ort::Session session{nullptr};
  Ort::MemoryInfo memory{nullptr};
  std::size_t outputs = 0;
};

Detector::Detector(const std::string& model, int threads, const std::string& library)
    : state_(std::make_unique<State>(model, read_model_file(model), threads, library)) {}

Detector::~Detector() = default;
Detector::Detector(Detector&&) noexcept = default;
Detector& Detector::operator=(Detector&&) noexcept = default;

const std::vector<std::string>& Detector::features() const { return state_->card.features; }
float Detector::threshold() const { return state_->card.threshold; }
const std::string& Detector::path() const { return state_->path; }

std::vector<float> Detector::row(const std::map<std::string, float>& values) const {
  std::vector<float> row;
  for (const std::string& name : features()) {
    const auto found = values.find(name);
    if (found == values.end()) throw Problem("No value for '" + name + "'.", "It is a column of the model.");
    row.push_back(found->second);
  }
  return row;
}

Scores Detector::score(const float* rows, std::size_t count) const {
  State& state = *state_;
  const std::size_t width = state.card.features.size();
  const bool explains = state.outputs == kOutputs.size();
  Scores scores{std::vector<float>(count), std::vector<std::uint8_t>(count), std::vector<std::uint8_t>(count),
                std::vector<float>(explains ? count * width : 0)};
  const std::array<std::int64_t, 2> wide = {static_cast<std::int64_t>(count), static_cast<std::int64_t>(width)};
  const auto floats = [&](const float* data, std::size_t size, std::size_t dimensions) {
    return Ort::Value::CreateTensor<float>(state.memory, const_cast<float*>(data), size, wide.data(), dimensions);
  };
  const auto flags = [&](std::vector<std::uint8_t>& data) {
    static_assert(sizeof(bool) == 1);
    return Ort::Value::CreateTensor<bool>(state.memory, reinterpret_cast<bool*>(data.data()), count, wide.data(), 1);
  };
  try {
    const Ort::Value input = floats(rows, count * width, 2);
    // the runtime writes into the scores themselves
    std::array<Ort::Value, 4> answers = {floats(scores.similarity.data(), count, 1), flags(scores.is_anomaly),
                                         flags(scores.is_valid), Ort::Value(nullptr)};
    if (explains) answers[3] = floats(scores.contribution.data(), count * width, 2);
    state.session.Run(Ort::RunOptions{nullptr}, kInputs.data(), &input, 1, kOutputs.data(), answers.data(), state.outputs);
  } catch (const Ort::Exception& error) {
    throw cannot_run(state.card, error);
  }
  return scores;
}

Selftest Detector::selftest() const {
  const Card& card = state_->card;
  Selftest found{compare(card, score(card.golden.inputs.data(), card.golden.rows)), "onnxruntime " + state_->version + " (C++)", 0};
  using Clock = std::chrono::steady_clock;
  std::vector<double> taken;
  for (int call = 0; call < kWarmUp + kCalls; ++call) {
    const auto start = Clock::now();
    score(card.golden.inputs.data(), 1);
    taken.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  const auto middle = taken.begin() + kWarmUp + kCalls / 2;
  std::nth_element(taken.begin() + kWarmUp, middle, taken.end());
  found.microseconds = *middle;
  return found;
}

}  // namespace aetk
