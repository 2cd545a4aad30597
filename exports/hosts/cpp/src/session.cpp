#include "session.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace aetk {
namespace {

constexpr const char* kInput = "features";
constexpr std::array<const char*, 4> kOutputs{"similarity", "is_anomaly", "is_valid", "contribution"};
constexpr std::size_t kAlways = 3;  // the outputs that every model has
constexpr std::size_t kLongestMessage = 300;

static_assert(std::string_view(kProvider) == "CPUExecutionProvider",
              "another provider may copy a row when it is bound: bind again in each `decide`, or call `score` there");
static_assert(sizeof(bool) == sizeof(std::uint8_t), "a tensor of bool is read as bytes");

Ort::Env& environment() {
  static Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "aetk");
  return env;
}

/// Calls ONNX Runtime; what it throws becomes a Problem of one line.
template <typename Call>
auto guarded(Call call, const std::string& hint = "") {
  try {
    return call();
  } catch (const Ort::Exception& error) {
    std::string message = error.what();
    message.resize(std::min({message.size(), message.find('\n'), kLongestMessage}));
    throw Problem(std::string(kProvider) + " cannot run this model: " + message, hint, 3);
  }
}

Ort::Session open_session(const std::string& model, const Card& card, int threads) {
  return guarded(
      [&] {
        Ort::SessionOptions options;
        options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);
        options.SetIntraOpNumThreads(threads);
        return Ort::Session(environment(), model.data(), model.size(), options);
      },
      "The model requires " + card.runtime + ".");
}

bool is_tensor(const Ort::TypeInfo& info, ONNXTensorElementDataType type, std::size_t dimensions) {
  if (info.GetONNXType() != ONNX_TYPE_TENSOR) return false;
  const auto tensor = info.GetTensorTypeAndShapeInfo();
  return tensor.GetElementType() == type && tensor.GetDimensionsCount() == dimensions;
}

ONNXTensorElementDataType type_of(std::size_t output) {
  return output == 1 || output == 2 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}

std::optional<std::size_t> find_output(const Ort::Session& session, const std::string& name) {
  Ort::AllocatorWithDefaultOptions allocator;
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
    if (session.GetOutputNameAllocated(i, allocator).get() == name) return i;
  }
  return std::nullopt;
}

/// A tensor over memory of [rows], or of [rows, columns].
template <typename T>
Ort::Value tensor(const Ort::MemoryInfo& memory, T* data, std::size_t rows, std::size_t columns,
                  std::size_t dimensions) {
  const std::array<std::int64_t, 2> shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
  return Ort::Value::CreateTensor<T>(memory, data, rows * columns, shape.data(), dimensions);
}

Ort::Value flags(const Ort::MemoryInfo& memory, std::vector<std::uint8_t>& data) {
  return tensor(memory, reinterpret_cast<bool*>(data.data()), data.size(), 1, 1);
}

Scores room_for(std::size_t rows, std::size_t shares) {
  return {std::vector<float>(rows), std::vector<std::uint8_t>(rows), std::vector<std::uint8_t>(rows),
          std::vector<float>(shares)};
}

std::vector<Ort::Value> tensors_over(const Ort::MemoryInfo& memory, Scores& scores) {
  const std::size_t rows = scores.similarity.size();
  std::vector<Ort::Value> values;
  values.push_back(tensor(memory, scores.similarity.data(), rows, 1, 1));
  values.push_back(flags(memory, scores.is_anomaly));
  values.push_back(flags(memory, scores.is_valid));
  if (!scores.contribution.empty()) {
    values.push_back(tensor(memory, scores.contribution.data(), rows, scores.contribution.size() / rows, 2));
  }
  return values;
}

}  // namespace

/// Memory for one row and its verdict, which the session reads and writes in place.
///
/// Bound once, since the session is on the CPU: elsewhere, ONNX Runtime copies an input when it is bound, and would give
/// the first row's verdict for ever. The self-test goes this way too.
struct Session::Bound {
  Bound(Ort::Session& session, const Ort::MemoryInfo& memory, std::size_t features, bool explains)
      : row(features), scores(room_for(1, explains ? features : 0)), binding(session) {
    binding.BindInput(kInput, tensor(memory, row.data(), 1, features, 2));
    const auto outputs = tensors_over(memory, scores);
    for (std::size_t i = 0; i < outputs.size(); ++i) binding.BindOutput(kOutputs[i], outputs[i]);
  }

  std::vector<float> row;
  Scores scores;
  Ort::IoBinding binding;
};

void Session::BoundDeleter::operator()(Bound* bound) const { delete bound; }

Session::Session(const std::string& model, const Card& card, int threads)
    : features_(card.features.size()),
      memory_(guarded([] { return Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault); })),
      session_(open_session(model, card, threads)) {
  guarded([&] { check_signature(); });
  explains_ = find_output(session_, kOutputs[kAlways]).has_value();
  bound_.reset(guarded([&] { return new Bound(session_, memory_, features_, explains_); }));
}

void Session::check_signature() const {
  Ort::AllocatorWithDefaultOptions allocator;
  const bool named = session_.GetInputCount() == 1 &&
                     session_.GetInputNameAllocated(0, allocator).get() == std::string_view(kInput);
  const auto columns = static_cast<std::int64_t>(features_);
  if (!named || !is_tensor(session_.GetInputTypeInfo(0), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, 2) ||
      session_.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape()[1] != columns) {
    throw Problem("The model does not take 'features', float32 [batch, " + std::to_string(columns) + "], alone.",
                  "Export the model again.");
  }
  for (std::size_t i = 0; i < kOutputs.size(); ++i) {
    const auto found = find_output(session_, kOutputs[i]);
    const bool always = i < kAlways;
    const bool fits = found ? is_tensor(session_.GetOutputTypeInfo(*found), type_of(i), always ? 1 : 2) : !always;
    if (!fits) {
      throw Problem("The model has no output '" + std::string(kOutputs[i]) + "' as the contract has it.",
                    "Export the model again.");
    }
  }
}

Scores Session::score(const float* rows, std::size_t count) const {
  Scores scores = room_for(count, explains_ ? count * features_ : 0);
  if (count > 0) guarded([&] { run(scores, rows, count); });
  return scores;
}

void Session::run(Scores& scores, const float* rows, std::size_t count) const {
  // ONNX Runtime's tensors are over mutable memory, but inputs are only read
  const Ort::Value input = tensor(memory_, const_cast<float*>(rows), count, features_, 2);
  auto outputs = tensors_over(memory_, scores);
  session_.Run(Ort::RunOptions{nullptr}, &kInput, &input, 1, kOutputs.data(), outputs.data(), outputs.size());
}

Decision Session::decide(const float* row) const {
  const std::unique_lock lock(bound_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) {
    const Scores scores = score(row, 1);
    return {scores.similarity[0], scores.is_anomaly[0] != 0, scores.is_valid[0] != 0};
  }
  std::copy_n(row, features_, bound_->row.begin());
  guarded([&] { session_.Run(Ort::RunOptions{nullptr}, bound_->binding); });
  const Scores& scores = bound_->scores;
  return {scores.similarity[0], scores.is_anomaly[0] != 0, scores.is_valid[0] != 0};
}

}  // namespace aetk
