#include "modelfile.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "problem.hpp"
#include "sha256.hpp"

namespace aetk {
namespace {

constexpr std::uint64_t kMetadata = 14, kKey = 1, kValue = 2;
constexpr std::string_view kCardKey = "aetk.card";

/// A field of a protobuf message: its number, all its bytes, and its payload (empty for a number).
struct Field {
  std::uint64_t number;
  std::string_view raw, payload;
};

/// Walks the fields of a message. Source: https://protobuf.dev/programming-guides/encoding/
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    const std::string_view start = rest_;
    const std::uint64_t key = varint();
    std::uint64_t size = 0;
    switch (key & 7) {
      case 0: varint(); break;
      case 1: size = 8; break;
      case 2: size = varint(); break;
      case 5: size = 4; break;
      default: throw std::invalid_argument("an unknown kind of field");
    }
    if (size > rest_.size()) throw std::invalid_argument("a field that runs past the end");
    const std::string_view payload = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return Field{key >> 3, start.substr(0, start.size() - rest_.size()), payload};
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift < 64) value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    throw std::invalid_argument("a number that does not end");
  }

  std::string_view rest_;
};

std::optional<std::string_view> card_in(const Field& field) {
  if (field.number != kMetadata) return std::nullopt;
  std::string_view key;
  std::optional<std::string_view> value;
  Fields entry(field.payload);
  while (const auto part = entry.next()) {
    if (part->number == kKey) key = part->payload;
    if (part->number == kValue) value = part->payload;
  }
  return key == kCardKey ? value : std::nullopt;
}

/// The cards in a model file, and the SHA-256 of all the rest.
std::pair<std::vector<std::string_view>, std::string> take_cards(std::string_view file) {
  std::vector<std::string_view> cards;
  Sha256 rest;
  Fields fields(file);
  while (const auto field = fields.next()) {
    if (const auto card = card_in(*field)) {
      cards.push_back(*card);
    } else {
      rest.update(field->raw);
    }
  }
  return {cards, rest.hex()};
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

ModelFile read_model_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) throw Problem(path + " is a folder; expected an .onnx file.");
  auto bytes = read_file(path);
  if (!bytes) throw Problem("No such model: " + path + ".");
  std::vector<std::string_view> cards;
  std::string digest;
  try {
    std::tie(cards, digest) = take_cards(*bytes);
  } catch (const std::invalid_argument&) {
    throw Problem(path + ": not a readable ONNX file.");
  }
  if (cards.size() != 1) throw Problem(path + ": It carries no aetk card.", "Export it with: aetk export --onnx");
  Card card = parse_card(path, cards.front());
  if (digest != card.model_sha256) {
    throw Problem(path + ": the model's SHA-256 is not the one in its card; it was changed.",
                  "Do not use it; take the file from where it was exported.", 1);
  }
  const std::filesystem::path file = path;
  const auto copy_path = file.parent_path() / (file.stem().string() + ".card.json");
  const auto copy = read_file(copy_path);
  if (copy && *copy != cards.front()) {
    throw Problem(copy_path.string() + ": not the card that is inside " + file.filename().string() + ".",
                  "Take both files from where they were exported; any `aetk threshold --set` writes the copy anew.", 1);
  }
  return {std::move(*bytes), std::move(card)};
}

}  // namespace aetk
