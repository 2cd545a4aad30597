#pragma once

#include <string>

#include "card.hpp"

namespace aetk {

/// A model file, held against its card and the copy of it beside the file.
struct ModelFile {
  std::string bytes;
  Card card;
};

/// Reads `NAME.onnx`, and `NAME.card.json` where there is one.
///
/// Throws Problem with exit code 2 for what is no such file, 1 where file, card and copy disagree.
ModelFile read_model_file(const std::string& path);

}  // namespace aetk
