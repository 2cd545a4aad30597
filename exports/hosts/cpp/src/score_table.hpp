#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "aetk/detector.hpp"

namespace aetk {

/// What was found in a table.
struct Counts {
  std::size_t rows = 0;
  std::size_t anomalies = 0;
  std::size_t not_judged = 0;
};

/// Scores a CSV file into another, which appears when it is complete; `-` is standard input and standard output, and
/// what is not a file of its own name is written to as it is, never replaced. `key` is a column to carry along in place of a
/// row number. Throws Problem; then nothing is left behind.
Counts score_table(const Detector& detector, const std::string& data, const std::string& out,
                   const std::optional<std::string>& key);

}  // namespace aetk
