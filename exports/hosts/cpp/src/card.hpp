#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aetk {

/// Synthetic rows with PyTorch's answers.
struct Golden {
  std::size_t rows = 0;
  std::vector<float> inputs;                    // [rows, features], row by row
  std::vector<float> similarity;                // [rows]
  std::vector<std::optional<bool>> is_anomaly;  // none where rounding may decide either way
  std::vector<bool> is_valid;
};

/// What an app needs of the model card.
struct Card {
  std::vector<std::string> features;  // the columns, in order
  float threshold = 0;
  double tolerance = 0;  // of similarity, between runtimes
  std::string runtime;   // what the model requires, in words
  std::string model_sha256;
  Golden golden;
};

/// Reads a card's JSON; `path` is the model's, for messages. Throws Problem for what is no card of contract version 1.
Card parse_card(const std::string& path, std::string_view text);

}  // namespace aetk
