#include "reading.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kMostLevels = 63, kMostRows = 1000000, kShown = 40;
constexpr std::array<const char*, 5> kSecond{"levels", "truths", "notation", "markers", "time"};

using Texts = std::vector<std::string>;

Texts texts(const Json& json) {
  Texts found;
  for (const Json& text : json.array()) found.push_back(text.string());
  return found;
}

/// The texts of a member; none where there is no such member.
Texts texts(const Json& json, const char* name) {
  const Json* member = json.find(name);
  return member == nullptr ? Texts() : texts(*member);
}

/// Where a text stands among others; JsonError where it is none of them.
template <std::size_t Size>
std::size_t choice(const Json& json, const std::array<std::string_view, Size>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), json.string());
  if (found == choices.end()) throw JsonError("none of the choices");
  return static_cast<std::size_t>(found - choices.begin());
}

void read_header(TableFormat& format, const Json& json) {
  if (!json.is_string()) {
    format.has_header = json.boolean();
    return;
  }
  format.header = json.string();
  if (strip(format.header).empty()) throw JsonError("an empty first cell");
}

std::size_t row_count(const Json& json) {
  const std::size_t count = json.count();
  if (count > kMostRows) throw JsonError("too many rows");
  return count;
}

/// Labels are no matter of this app; a card whose labels cannot be followed is refused nevertheless.
void check_labels(const Json& json) {
  if (json.is_null()) return;
  json.at("column").string();
  if (texts(json.at("anomaly")).empty() == texts(json.at("ordinary")).empty()) throw JsonError("labels");
}

/// Reads one member of a card's `table`; false where no member is called so. Throws JsonError for its value.
bool read_member(TableFormat& format, std::string_view name, const Json& value) {
  constexpr std::array<std::string_view, 5> kDelimiters{",", ";", "\t", "|", " "};
  constexpr std::array<std::string_view, 2> kDecimals{".", ","};
  constexpr std::array<std::string_view, 7> kThousands{"", ",", ".", " ", "'", "\u00a0", "\u202f"};
  constexpr std::array<std::string_view, 4> kEncodings{"utf-8", "utf-16", "cp1252", "latin-1"};
  if (name == "delimiter") return format.delimiter = kDelimiters[choice(value, kDelimiters)][0], true;
  if (name == "second_delimiter") return format.second_delimiter = value.string(), true;
  if (name == "decimal") return format.decimal = kDecimals[choice(value, kDecimals)][0], true;
  if (name == "thousands") return format.thousands = kThousands[choice(value, kThousands)], true;
  if (name == "encoding") {
    return format.encoding = static_cast<TableFormat::Charset>(choice(value, kEncodings)), true;
  }
  if (name == "header") return read_header(format, value), true;
  if (name == "skip_rows") return format.skip_rows = row_count(value), true;
  if (name == "comment") return format.comment = value.string(), true;
  if (name == "units_rows") return format.units_rows = row_count(value), true;
  if (name == "skip_footer") return format.skip_footer = row_count(value), true;
  if (name == "missing") return format.missing = texts(value), true;
  if (name == "labels") return check_labels(value), true;
  return false;
}

/// What messages call a member of a card's `table`.
std::string called(std::string_view member) {
  if (member == "second_delimiter" || member == "comment" || member == "missing") return "text";
  if (member == "skip_rows" || member == "units_rows" || member == "skip_footer") return "count";
  return std::string(member);
}

TableFormat read_format(const Json* table) {
  TableFormat format;
  if (table == nullptr || table->is_null()) return format;
  if (!table->is_object()) throw Unreadable("its table format is of another kind; expected an object");
  format.is_strict = false;
  for (const auto& [name, value] : table->object()) {
    bool is_known = true;
    try {
      is_known = read_member(format, name, value);
    } catch (const JsonError&) {
      throw Unreadable("its table format cannot be followed: " + called(name));
    }
    if (!is_known) {
      throw Unreadable("its table format has the unknown key '" + std::string(first_code_points(name, kShown)) + "'");
    }
  }
  if (format.thousands == std::string(1, format.decimal)) {
    throw Unreadable("its table format cannot be followed: thousands");
  }
  return format;
}

void read_time(Encoding& encoding, const Json& time) {
  constexpr std::array<std::string_view, 7> kOrders{"ymd", "dmy", "mdy", "s", "ms", "us", "ns"};
  constexpr std::array<std::string_view, 4> kParts{"hour sine", "hour cosine", "weekday sine", "weekday cosine"};
  if (const Json* column = time.find("column")) encoding.column = column->string();
  encoding.kind = Encoding::Kind::time;
  encoding.order = static_cast<Encoding::Order>(choice(time.at("format"), kOrders));
  encoding.part = static_cast<Encoding::Part>(choice(time.at("part"), kParts));
}

/// Throws JsonError for what cannot be followed.
Encoding read_keys(const Json& feature) {
  constexpr std::array<std::string_view, 3> kNotations{"decimal", "percent", "hex"};
  Encoding encoding;
  encoding.column = feature.at("name").string();
  encoding.missing = texts(feature, "markers");
  int kinds = 0;
  if (const Json* notation = feature.find("notation")) {
    encoding.kind = static_cast<Encoding::Kind>(choice(*notation, kNotations));
    kinds += encoding.kind != Encoding::Kind::number;
  }
  for (const auto& [name, kind] : {std::pair{"levels", Encoding::Kind::level}, std::pair{"truths", Encoding::Kind::truth}}) {
    const Texts words = texts(feature, name);
    const bool is_level = kind == Encoding::Kind::level;
    if (words.empty()) continue;
    if (std::set(words.begin(), words.end()).size() != words.size()) throw JsonError("a word twice");
    if (is_level ? words.size() > kMostLevels : words.size() != 2) throw JsonError("too many words, or too few");
    encoding.kind = kind, encoding.words = words, ++kinds;
  }
  if (const Json* time = feature.find("time"); time != nullptr && !time->is_null()) {
    read_time(encoding, *time);
    ++kinds;
  }
  if (kinds > 1) throw JsonError("a feature of two kinds");
  return encoding;
}

}  // namespace

bool is_second_contract(const Json& card) {
  const auto is_second = [](const Json& feature) {
    return std::any_of(kSecond.begin(), kSecond.end(), [&](const char* key) { return feature.find(key) != nullptr; });
  };
  const auto& features = card.at("features").array();
  return card.find("table") != nullptr || std::any_of(features.begin(), features.end(), is_second);
}

Reading read_reading(const Json& card) {
  Reading reading{read_format(card.find("table")), {}};
  for (const Json& feature : card.at("features").array()) {
    try {
      reading.features.push_back(read_keys(feature));
    } catch (const JsonError&) {
      const std::string name(first_code_points(feature.at("name").string(), kShown));
      throw Unreadable("its feature '" + name + "' cannot be read as it says");
    }
  }
  return reading;
}

std::string_view strip(std::string_view cell) {
  const std::size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return cell.substr(0, 0);
  return cell.substr(first, cell.find_last_not_of(" \t") + 1 - first);
}

const char* called(char delimiter) {
  return delimiter == ',' ? "a comma" : delimiter == ';' ? "a semicolon" : delimiter == '|' ? "a pipe" : "a tab";
}

const char* called_many(char delimiter) {
  switch (delimiter) {
    case ',': return "commas";
    case ';': return "semicolons";
    case '|': return "pipes";
    case ' ': return "blanks";
    default: return "tabs";
  }
}

}  // namespace aetk
