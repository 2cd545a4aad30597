#include "modelfile.hpp"

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "files.hpp"
#include "protobuf.hpp"
#include "sha256.hpp"

namespace aetk {
namespace {

constexpr std::uint64_t kMetadata = 14, kKey = 1, kValue = 2;  // fields of ModelProto and its entries

/// The card, if a field of the model is the metadata entry that holds it.
std::optional<std::string_view> card_in(const Field& field) {
  if (field.number != kMetadata) return std::nullopt;
  std::optional<std::string_view> key, value;
  for (const Field& part : read_fields(field.payload)) {
    if (part.number == kKey) key = part.payload;
    if (part.number == kValue) value = part.payload;
  }
  return key == "aetk.card" ? value : std::nullopt;
}

}  // namespace

ModelFile read_model(const std::string& path) {
  const std::string folder = path + " is a folder; expected an .onnx file.";
  return parse_model(path, read_file(path, "No such model: " + path + ".", folder));
}

ModelFile parse_model(std::string path, std::string bytes) {
  std::vector<std::string_view> cards;
  Sha256 digest;
  try {
    for (const Field& field : read_fields(bytes)) {
      if (const auto card = card_in(field)) {
        cards.push_back(*card);
      } else {
        digest.update(field.bytes);
      }
    }
  } catch (const std::invalid_argument&) {
    throw Problem(path + ": not a readable ONNX file.");
  }
  if (cards.size() != 1) throw Problem(path + ": It carries no aetk card.", "Export it with: aetk export --onnx");
  std::string card(cards.front());
  return {std::move(path), std::move(bytes), std::move(card), digest.hex()};
}

void check_copy(const ModelFile& model) {
  std::filesystem::path copy(model.path);
  const std::string name = copy.filename().string();
  copy.replace_filename(copy.stem().string() + ".card.json");
  const std::string path = copy.string();
  std::error_code ignored;
  if (!std::filesystem::exists(copy, ignored)) return;
  if (read_file(path, "No such file: " + path + ".", path + " is a folder; expected a card.") != model.card) {
    throw Problem(path + ": not the card that is inside " + name + ".",
                  "Take both files from where they were exported; any `aetk threshold --set` writes the copy anew.", 1);
  }
}

}  // namespace aetk
