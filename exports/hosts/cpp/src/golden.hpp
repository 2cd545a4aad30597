#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "aetk/detector.hpp"
#include "json.hpp"

namespace aetk {

/// Synthetic inputs with the answers that PyTorch gave, by which any runtime can prove itself.
struct Golden {
  std::size_t rows;
  std::vector<float> inputs;                    ///< [rows, features]
  std::vector<float> similarity;                ///< [rows]
  std::vector<double> similarity64;             ///< [rows]
  std::vector<std::optional<bool>> is_anomaly;  ///< [rows]; nothing for a near tie, which may be decided either way
  std::vector<bool> is_valid;                   ///< [rows]
};

/// Reads the card's form. Throws JsonError where it is not what a card holds.
Golden read_golden(const Json& json, std::size_t features);

/// Holds answers for `golden.inputs` against the golden ones.
Selftest compare(const Golden& golden, const Scores& scores, double threshold, double tolerance);

/// The larger of every figure of two replays of the same golden rows.
Selftest worse(Selftest one, const Selftest& other);

}  // namespace aetk
