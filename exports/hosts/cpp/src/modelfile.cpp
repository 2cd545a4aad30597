#include "modelfile.hpp"

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>

#include "files.hpp"
#include "kind.hpp"
#include "protobuf.hpp"
#include "sha256.hpp"

namespace aetk {
namespace {

constexpr std::uint64_t kGraph = 7, kMetadata = 14, kKey = 1, kValue = 2;  // fields of ModelProto and its entries
constexpr std::size_t kLargest = 1u << 28;

/// The card, if a field of the model is the metadata entry that holds it.
std::optional<std::string_view> card_in(const Field& field) {
  if (field.number != kMetadata) return std::nullopt;
  std::optional<std::string_view> key, value;
  FieldReader parts(field.payload);
  while (const auto part = parts.next()) {
    if (part->number == kKey) key = part->payload;
    if (part->number == kValue) value = part->payload;
  }
  return key == "aetk.card" ? value : std::nullopt;
}

/// The card of a model, if it has one, and the digest of all else. Throws std::invalid_argument for what is not a model,
/// and for one with two graphs or cards, of which another reader may take the other.
std::optional<std::string> take_card(std::string_view model, Sha256& digest) {
  std::optional<std::string_view> card;
  bool has_graph = false;
  FieldReader fields(model);
  while (const auto field = fields.next()) {
    if (field->number == kGraph && std::exchange(has_graph, true)) throw std::invalid_argument("a second graph");
    if (const auto found = card_in(*field)) {
      if (std::exchange(card, found)) throw std::invalid_argument("a second card");
    } else {
      digest.update(field->bytes);
    }
  }
  return card ? std::optional<std::string>(*card) : std::nullopt;
}

}  // namespace

ModelFile read_model(const std::string& path) {
  const std::string folder = path + " is a folder; expected an .onnx file.";
  std::string bytes = read_file(path, kLargest + 1, "No such model: " + path + ".", folder);
  if (bytes.size() > kLargest) {
    throw Problem(path + " is larger than 256 MiB; expected a model of the aetk contract.",
                  "Export one with: aetk export --onnx");
  }
  return parse_model(path, std::move(bytes));
}

ModelFile parse_model(std::string path, std::string bytes) {
  std::optional<std::string> card;
  Sha256 digest;
  try {
    card = take_card(bytes, digest);
  } catch (const std::invalid_argument&) {
    throw other_kind(path, bytes).value_or(Problem(path + ": not a readable ONNX file."));
  }
  if (!card) {
    const Problem no_card(path + ": It carries no aetk card.", "Export it with: aetk export --onnx");
    throw other_kind(path, bytes).value_or(no_card);
  }
  return {std::move(path), std::move(bytes), std::move(*card), digest.hex()};
}

void check_copy(const ModelFile& model) {
  std::filesystem::path copy(model.path);
  const std::string name = copy.filename().string();
  copy.replace_filename(copy.stem().string() + ".card.json");
  const std::string path = copy.string();
  std::error_code ignored;
  if (!std::filesystem::exists(copy, ignored)) return;
  const std::string missing = "No such file: " + path + ".";
  if (!std::filesystem::is_regular_file(copy, ignored) ||
      read_file(path, model.card.size() + 1, missing, missing) != model.card) {
    throw Problem(path + ": not the card that is inside " + name + ".",
                  "Take both files from where they were exported; any `aetk threshold --set` writes the copy again.", 1);
  }
}

}  // namespace aetk
