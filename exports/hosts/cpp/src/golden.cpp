#include "golden.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace aetk {
namespace {

constexpr float kUnjudged = -1;

/// Whether a row's outputs contradict one another, whatever the right answer is.
bool contradicts(const Card& card, const Scores& scores, std::size_t row) {
  const float similarity = scores.similarity[row];
  const bool is_valid = scores.is_valid[row] == 1;
  if ((scores.is_anomaly[row] == 1) != !(similarity >= card.threshold)) return true;
  if (!is_valid && similarity != kUnjudged) return true;
  if (scores.contribution.empty()) return false;
  const auto first = scores.contribution.begin() + static_cast<std::ptrdiff_t>(row * card.features.size());
  const double sum = std::accumulate(first, first + static_cast<std::ptrdiff_t>(card.features.size()), 0.0);
  return !(std::abs(sum - (is_valid ? 1 - double{similarity} : 0)) <= 10 * card.tolerance);
}

}  // namespace

Comparison compare(const Card& card, const Scores& scores) {
  const Golden& golden = card.golden;
  Comparison found;
  found.rows = golden.rows;
  found.tolerance = card.tolerance;
  for (std::size_t i = 0; i < golden.rows; ++i) {
    const auto decision = golden.is_anomaly[i];
    found.near_ties += !decision;
    found.flipped_decisions += decision && *decision != (scores.is_anomaly[i] == 1);
    found.flipped_validity += golden.is_valid[i] != (scores.is_valid[i] == 1);
    found.broken_rule += contradicts(card, scores, i);
    const double difference = std::abs(double{scores.similarity[i]} - golden.similarity[i]);
    found.largest_difference = std::max(
        found.largest_difference, std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
  }
  return found;
}

}  // namespace aetk
