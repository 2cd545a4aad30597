#include "golden.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base64.hpp"

namespace aetk {
namespace {

constexpr double kUnjudged = -1;

template <typename Float>
std::vector<Float> numbers(const Json& json, std::size_t expected) {
  auto found = decode_numbers<Float>(json.string());
  if (!found || found->size() != expected) throw JsonError("golden numbers of another size than expected");
  return std::move(*found);
}

bool flag(const Json& json) {
  const double value = json.number();
  if (value != 0 && value != 1) throw JsonError("a golden flag that is not 0 or 1");
  return value == 1;
}

const Json::Array& flags(const Json& json, std::size_t expected) {
  if (json.array().size() != expected) throw JsonError("golden flags of another number than expected");
  return json.array();
}

/// Whether row `i` has outputs that contradict one another, whatever the right answer is.
bool contradicts_itself(const Scores& scores, std::size_t i, double threshold, double tolerance) {
  const double similarity = scores.similarity[i];
  const bool valid = scores.is_valid[i] != 0;
  if ((scores.is_anomaly[i] != 0) == (similarity >= threshold)) return true;
  if (!valid && similarity != kUnjudged) return true;
  if (scores.contribution.empty()) return false;
  const std::size_t features = scores.contribution.size() / scores.similarity.size();
  double sum = 0;
  for (std::size_t k = 0; k < features; ++k) sum += scores.contribution[i * features + k];
  return !(std::abs(sum - (valid ? 1 - similarity : 0)) <= 10 * tolerance);
}

}  // namespace

Golden read_golden(const Json& json, std::size_t features) {
  const std::size_t rows = json.at("rows").count();
  // bounded, so that rows * features cannot wrap around
  if (rows < 1 || rows > 1u << 24) throw JsonError("no golden rows");
  Golden golden{rows,
                numbers<float>(json.at("inputs"), rows * features),
                numbers<float>(json.at("similarity"), rows),
                numbers<double>(json.at("similarity64"), rows),
                {},
                {}};
  for (const Json& decision : flags(json.at("is_anomaly"), rows)) {
    golden.is_anomaly.push_back(decision.is_null() ? std::nullopt : std::optional(flag(decision)));
  }
  for (const Json& valid : flags(json.at("is_valid"), rows)) golden.is_valid.push_back(flag(valid));
  return golden;
}

Selftest compare(const Golden& golden, const Scores& scores, double threshold, double tolerance) {
  Selftest report;
  report.rows = golden.rows;
  report.tolerance = tolerance;
  for (std::size_t i = 0; i < golden.rows; ++i) {
    const auto& decision = golden.is_anomaly[i];
    if (!decision) {
      ++report.near_ties;
    } else if (*decision != (scores.is_anomaly[i] != 0)) {
      ++report.flipped_decisions;
    }
    if (golden.is_valid[i] != (scores.is_valid[i] != 0)) ++report.flipped_validity;
    if (contradicts_itself(scores, i, threshold, tolerance)) ++report.broken_rule;
    const double difference = std::abs(double{scores.similarity[i]} - double{golden.similarity[i]});
    const double counted = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
    report.largest_difference = std::max(report.largest_difference, counted);
  }
  return report;
}

Selftest worse(Selftest one, const Selftest& other) {
  one.flipped_decisions = std::max(one.flipped_decisions, other.flipped_decisions);
  one.flipped_validity = std::max(one.flipped_validity, other.flipped_validity);
  one.broken_rule = std::max(one.broken_rule, other.broken_rule);
  one.largest_difference = std::max(one.largest_difference, other.largest_difference);
  return one;
}

}  // namespace aetk
