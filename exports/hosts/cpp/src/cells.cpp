#include "cells.hpp"

#include <algorithm>
#include <limits>

#include "times.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

using Kind = Encoding::Kind;

constexpr std::size_t kMostDigits = 12;  // of a hexadecimal number

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_at(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - from;
}

std::optional<double> parse_hex(std::string_view cell) {
  if (cell.size() > 1 && cell[0] == '0' && (cell[1] == 'x' || cell[1] == 'X')) cell.remove_prefix(2);
  if (cell.empty() || cell.size() > kMostDigits) return std::nullopt;
  double value = 0;
  for (const char c : cell) {
    const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 16 + static_cast<double>(digit < 16 ? digit : digit - 6);
  }
  return value;
}

std::string_view without_percent(std::string_view cell) {
  if (cell.empty() || cell.back() != '%') return cell;
  cell.remove_suffix(1);
  return cell.substr(0, cell.find_last_not_of(" \t") + 1);
}

std::uint32_t lowered(std::uint32_t c) {
  const bool by_32 = (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
                     (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) || (c >= 0x410 && c <= 0x42f);
  return by_32 ? c + 32 : c >= 0x400 && c <= 0x40f ? c + 80 : c;
}

}  // namespace

std::string lowered(std::string_view text) {
  std::string found;
  while (!text.empty()) append_code_point(found, lowered(take_code_point(text)));
  return found;
}

CellParser::CellParser(const Encoding& encoding, const TableFormat& format)
    : encoding_(encoding), missing_(format.missing), decimal_(format.decimal), thousands_(format.thousands) {
  missing_.insert(missing_.end(), encoding.missing.begin(), encoding.missing.end());
  for (const std::string& word : encoding.words) values_.emplace(word, static_cast<double>(values_.size()));
  is_plain_ = encoding.kind == Kind::number && missing_.empty() && decimal_ == '.' && thousands_.empty();
}

bool CellParser::is_missing(std::string_view cell) const {
  return std::find(missing_.begin(), missing_.end(), cell) != missing_.end() || aetk::is_missing(cell);
}

bool CellParser::is_missing_number(double number) const {
  const auto is_it = [&](const std::string& marker) { return parse_decimal(marker) == number; };
  return std::any_of(missing_.begin(), missing_.end(), is_it);
}

double CellParser::missing_value() const {
  if (encoding_.kind == Kind::level) return static_cast<double>(encoding_.words.size());
  return std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> CellParser::word_value(std::string_view word) const {
  const bool is_level = encoding_.kind == Kind::level;
  const auto found = is_level ? values_.find(word) : values_.find(lowered(word));
  if (found != values_.end()) return found->second;
  return is_level ? std::optional(missing_value()) : std::nullopt;
}

std::optional<double> CellParser::parse(std::string_view cell) const {
  if (is_missing(cell)) return missing_value();
  switch (encoding_.kind) {
    case Kind::number: return number(cell);
    case Kind::percent: return number(without_percent(cell));
    case Kind::hex: return parse_hex(cell);
    case Kind::level: return word_value(cell);
    case Kind::truth: {
      if (const auto value = word_value(cell)) return value;
      const auto value = number(cell);
      return value == 0.0 || value == 1.0 ? value : std::nullopt;
    }
    case Kind::time: break;
  }
  const auto seconds = parse_time(cell, encoding_.order);
  return seconds ? std::optional(time_part(*seconds, encoding_.part)) : std::nullopt;
}

std::optional<double> CellParser::number(std::string_view cell) const {
  const auto whole = ungrouped(cell);
  if (whole) return parse_decimal(*whole);
  if (decimal_ == '.') {
    if (const auto value = parse_decimal(cell)) return value;
  } else if (cell.find('.') == std::string_view::npos) {
    std::string text(cell);
    std::replace(text.begin(), text.end(), ',', '.');
    if (const auto value = parse_decimal(text)) return value;
  }
  return parse_infinity(cell);
}

/// A number whose thousands are in whole groups, without their signs and with a point; nothing for any other text.
std::optional<std::string> CellParser::ungrouped(std::string_view cell) const {
  if (thousands_.empty()) return std::nullopt;
  const std::size_t sign = !cell.empty() && (cell[0] == '+' || cell[0] == '-');
  std::size_t count = digits_at(cell, sign);
  if (count < 1 || count > 3) return std::nullopt;
  std::size_t at = sign + count;
  std::string text(cell.substr(0, at));
  if (cell.substr(at, thousands_.size()) != thousands_) return std::nullopt;
  while (cell.substr(at, thousands_.size()) == thousands_) {
    at += thousands_.size();
    if (digits_at(cell, at) < 3) return std::nullopt;
    text += cell.substr(at, 3);
    at += 3;
  }
  if (at < cell.size() && cell[at] == decimal_) {
    text += '.';
    ++at;
    const std::size_t fraction = digits_at(cell, at);
    text += cell.substr(at, fraction);
    at += fraction;
  } else if (digits_at(cell, at) > 0) {
    return std::nullopt;
  }
  if (at < cell.size() && cell[at] != 'e' && cell[at] != 'E') return std::nullopt;
  text += cell.substr(at);
  return is_decimal(text) ? std::optional(text) : std::nullopt;
}

std::string CellParser::expected() const {
  switch (encoding_.kind) {
    case Kind::truth: return "'" + encoding_.words[0] + "' or '" + encoding_.words[1] + "'";
    case Kind::hex: return "a hexadecimal number";
    case Kind::time: return "a time";
    case Kind::level: return "text";
    default: return "a number";
  }
}

std::string CellParser::hint() const {
  constexpr const char* kMissing = "; empty, NA, NaN and null are missing values.";
  constexpr const char* kOrders[] = {"begin with year, month and day here", "begin with day, month and year here",
                                     "begin with month, day and year here", "are counted from 1970 here, in s",
                                     "are counted from 1970 here, in ms",   "are counted from 1970 here, in us",
                                     "are counted from 1970 here, in ns"};
  switch (encoding_.kind) {
    case Kind::truth: return std::string("0 and 1 are read too") + kMissing;
    case Kind::hex: return std::string("Such numbers look like 0x1F or 1f") + kMissing;
    case Kind::time: return std::string("Times ") + kOrders[static_cast<std::size_t>(encoding_.order)] + kMissing;
    default: return std::string("Numbers look like 12, -3") + decimal_ + "5 or 1e-3" + kMissing;
  }
}

}  // namespace aetk
