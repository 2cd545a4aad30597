#include "kind.hpp"

#include <algorithm>

namespace aetk {
namespace {

constexpr std::size_t kHead = 1u << 16;
constexpr std::string_view kMark = "\xef\xbb\xbf", kBlanks = " \t\n\v\f\r";

bool begins(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

}  // namespace

std::optional<Problem> other_kind(const std::string& path, std::string_view bytes) {
  const auto found = [&path](const std::string& kind, const char* hint = "Name the model in its place.") {
    return Problem(path + ": Not a model but " + kind + "; expected an .onnx file.", hint);
  };
  std::string_view head = bytes.substr(0, kHead);
  if (begins(head, kMark)) head.remove_prefix(kMark.size());
  head.remove_prefix(std::min(head.find_first_not_of(kBlanks), head.size()));
  if (begins(head, "PAR1")) return found("a table (Parquet)");
  if (begins(head, "{") && head.find("\"card_sha256\"") != std::string_view::npos) {
    return found("the card of one", "Name the model that it belongs to, NAME.onnx for NAME.card.json.");
  }
  if (begins(head, "{")) return found("JSON");
  std::string_view line = head.substr(0, head.find('\n'));
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const auto is_control = [](unsigned char byte) { return byte < ' '; };  // of which no text has any
  if (line.find_first_of(",;") == std::string_view::npos || std::any_of(line.begin(), line.end(), is_control)) {
    return std::nullopt;
  }
  return found("a table (CSV)");
}

}  // namespace aetk
