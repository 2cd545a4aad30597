#include "aetk/detector.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "card.hpp"
#include "files.hpp"
#include "modelfile.hpp"
#include "runtime.hpp"
#include "session.hpp"
#include "values.hpp"

namespace aetk {
namespace {

constexpr int kWarmUps = 100, kCalls = 500;

/// The columns that features are made of, each once, in order.
std::string columns_of(const std::vector<CellParser>& parsers) {
  std::set<std::string> seen;
  std::string text;
  for (const CellParser& parser : parsers) {
    const std::string& column = parser.encoding().column;
    if (seen.insert(column).second) text.append(text.empty() ? "" : ", ").append(column);
  }
  return text;
}

/// The median time of one decision, in microseconds.
double time_decision(const Detector& detector, const float* row) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> taken;
  for (int call = 0; call < kWarmUps + kCalls; ++call) {
    const auto start = Clock::now();
    detector.decide(row);
    const std::chrono::duration<double, std::micro> time = Clock::now() - start;
    if (call >= kWarmUps) taken.push_back(time.count());
  }
  std::sort(taken.begin(), taken.end());
  return (taken[kCalls / 2 - 1] + taken[kCalls / 2]) / 2;
}

/// What `detector` answers for `count` rows by `score`, handed over one by one.
Scores scored_alone(const Detector& detector, const float* rows, std::size_t count) {
  Scores scores;
  for (std::size_t i = 0; i < count; ++i) {
    const Scores one = detector.score(rows + i * detector.features().size(), 1);
    scores.similarity.push_back(one.similarity[0]);
    scores.is_anomaly.push_back(one.is_anomaly[0]);
    scores.is_valid.push_back(one.is_valid[0]);
    scores.contribution.insert(scores.contribution.end(), one.contribution.begin(), one.contribution.end());
  }
  return scores;
}

/// The same by `decide`, which tells no contributions.
Scores decided(const Detector& detector, const float* rows, std::size_t count) {
  Scores scores;
  for (std::size_t i = 0; i < count; ++i) {
    const Decision one = detector.decide(rows + i * detector.features().size());
    scores.similarity.push_back(one.similarity);
    scores.is_anomaly.push_back(one.is_anomaly);
    scores.is_valid.push_back(one.is_valid);
  }
  return scores;
}

}  // namespace

struct Detector::Parts {
  Parts(const ModelFile& model, const Options& options)
      : path(model.path),
        card(read_card(model)),
        version(load_runtime(options.runtime)),
        session(model.bytes, card, options.threads) {
    for (const Encoding& feature : card.reading.features) parsers.emplace_back(feature, card.reading.format);
  }

  std::string path;
  Card card;
  std::vector<CellParser> parsers;  // one for each feature
  std::string version;
  Session session;
};

Detector::Detector(const std::string& model, const Options& options)
    : parts_(std::make_unique<Parts>(read_model(tidy_path(model)), options)) {}
Detector::~Detector() = default;
Detector::Detector(Detector&&) noexcept = default;
Detector& Detector::operator=(Detector&&) noexcept = default;

Decision Detector::decide(const float* row) const { return parts_->session.decide(row); }

Scores Detector::score(const float* rows, std::size_t count) const { return parts_->session.score(rows, count); }

std::vector<float> Detector::row(const std::map<std::string, Value>& values) const {
  std::vector<float> row;
  for (const CellParser& parser : parts_->parsers) {
    const std::string& column = parser.encoding().column;
    const auto found = values.find(column);
    if (found == values.end()) throw Problem("No value for '" + column + "'.", "The model takes: " + columns_of(parts_->parsers) + ".");
    const auto value = feature_value(parser, found->second);
    if (!value) {
      throw Problem("'" + column + "': found " + shown(found->second) + ", expected " + wanted(parser.encoding().kind) + ".",
                    "A missing value is NaN, or an empty text.");
    }
    row.push_back(static_cast<float>(*value));
  }
  return row;
}

Selftest Detector::selftest() const {
  const Golden& golden = parts_->card.golden;
  const float* const rows = golden.inputs.data();
  const auto held = [&](const Scores& scores) {
    return compare(golden, scores, threshold(), parts_->card.tolerance);
  };
  Selftest report = worse(held(score(rows, golden.rows)), held(scored_alone(*this, rows, golden.rows)));
  report = worse(report, held(decided(*this, rows, golden.rows)));
  report.runtime = "onnxruntime " + parts_->version + " (C++)";
  report.provider = kProvider;
  const auto& exact = golden.similarity64;
  const auto nearer = [](double a, double b) { return std::abs(a) < std::abs(b); };
  const auto typical = static_cast<std::size_t>(std::max_element(exact.begin(), exact.end(), nearer) - exact.begin());
  report.microseconds = time_decision(*this, rows + typical * features().size());
  return report;
}

const std::string& Detector::path() const noexcept { return parts_->path; }
const std::vector<std::string>& Detector::features() const noexcept { return parts_->card.features; }
const Reading& Detector::reading() const noexcept { return parts_->card.reading; }
double Detector::threshold() const noexcept { return parts_->card.threshold; }
bool Detector::explains() const noexcept { return parts_->session.explains(); }

}  // namespace aetk
