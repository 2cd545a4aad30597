#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "card.hpp"

namespace aetk {

/// The verdicts on some rows.
struct Scores {
  std::vector<float> similarity;         // [rows], -1 to 1; exactly -1 where a row could not be judged
  std::vector<std::uint8_t> is_anomaly;  // [rows], 1 where not (similarity >= threshold)
  std::vector<std::uint8_t> is_valid;    // [rows], 0 where a row could not be judged
  std::vector<float> contribution;       // [rows, features], each feature's share of 1 - similarity; empty if the model has none
};

/// How a runtime's answers compare with the golden ones.
struct Comparison {
  std::size_t rows = 0;
  std::size_t near_ties = 0;  // rounding may decide them either way; their decision is not compared
  std::size_t flipped_decisions = 0;
  std::size_t flipped_validity = 0;
  std::size_t broken_rule = 0;    // rows whose outputs contradict one another
  double largest_difference = 0;  // of similarity; infinite where one is no number
  double tolerance = 0;

  /// Whether the runtime decides as the golden rows say.
  bool passed() const {
    return flipped_decisions + flipped_validity + broken_rule == 0 && largest_difference <= tolerance;
  }
};

/// Holds a runtime's scores of the golden inputs against PyTorch's.
Comparison compare(const Card& card, const Scores& scores);

}  // namespace aetk
