#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "detector.hpp"

namespace aetk {

/// What came of scoring a table.
struct Counts {
  std::size_t rows = 0, anomalies = 0, invalid = 0;
};

/// Scores a CSV file into another, which appears when it is complete; `key` is a column to carry along in place of a row
/// number. Throws Problem.
Counts score_table(const Detector& detector, const std::string& data, const std::string& out,
                   const std::optional<std::string>& key);

}  // namespace aetk
