#pragma once

#include <string>
#include <string_view>

namespace aetk {

/// The bytes of an ONNX file that carries one card.
struct ModelFile {
  std::string path;
  std::string bytes;
  std::string card;    ///< JSON, as it stands in the file's metadata
  std::string sha256;  ///< of all other fields
};

/// Throws Problem (exit code 2) for a file that is none.
ModelFile read_model(const std::string& path);

/// The same for bytes that were read already.
ModelFile parse_model(std::string path, std::string bytes);

/// Throws Problem (exit code 1) where the card beside the file (`NAME.card.json`) is not the one inside.
void check_copy(const ModelFile& model);

}  // namespace aetk
