#include "number.hpp"

#include <charconv>
#include <cstdint>
#include <limits>
#include <system_error>

namespace aetk {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

/// Takes a sign off a text; returns whether it was a minus.
bool take_sign(std::string_view& text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  return negative;
}

/// The value of digits, or of so large a number that it makes no difference which.
std::int64_t exponent_value(std::string_view digits) {
  constexpr std::int64_t kEnough = std::int64_t{1} << 40;
  std::int64_t value = 0;
  for (const char digit : digits) {
    if (value < kEnough) value = value * 10 + (digit - '0');
  }
  return value;
}

/// The parts of an unsigned decimal.
struct Decimal {
  std::string_view whole, fraction;
  std::int64_t exponent;

  /// Whether it is 1 or more: what is not in float64's range is far from 1.
  bool is_large() const {
    const std::size_t first = whole.find_first_not_of('0');
    if (first != std::string_view::npos) return static_cast<std::int64_t>(whole.size() - first) + exponent > 0;
    const std::size_t zeros = fraction.find_first_not_of('0');
    return zeros != std::string_view::npos && exponent - static_cast<std::int64_t>(zeros) > 0;
  }
};

std::optional<Decimal> split(std::string_view text) {
  Decimal parts{take_digits(text), {}, 0};
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    parts.fraction = take_digits(text);
  }
  if (parts.whole.empty() && parts.fraction.empty()) return std::nullopt;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    const bool negative = take_sign(text);
    const std::string_view digits = take_digits(text);
    if (digits.empty()) return std::nullopt;
    parts.exponent = negative ? -exponent_value(digits) : exponent_value(digits);
  }
  if (!text.empty()) return std::nullopt;
  return parts;
}

/// Whether `cell` is `word`, which is in lower case, in any case of ASCII.
bool is_word(std::string_view cell, std::string_view word) {
  if (cell.size() != word.size()) return false;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const char c = cell[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != word[i]) return false;
  }
  return true;
}

template <typename Float>
void append_shortest(std::string& text, Float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  text.append(digits, end);
}

}  // namespace

bool is_decimal(std::string_view text) {
  take_sign(text);
  return split(text).has_value();
}

std::optional<double> parse_decimal(std::string_view text) {
  const bool negative = take_sign(text);
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc::result_out_of_range) {
    value = parts->is_large() ? std::numeric_limits<double>::infinity() : 0;
  }
  return negative ? -value : value;
}

bool is_missing(std::string_view cell) {
  for (const char* word : {"", "na", "nan", "null"}) {
    if (is_word(cell, word)) return true;
  }
  return false;
}

std::optional<double> parse_infinity(std::string_view text) {
  const bool negative = take_sign(text);
  if (!is_word(text, "inf") && !is_word(text, "infinity")) return std::nullopt;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return negative ? -kInfinity : kInfinity;
}

std::optional<double> parse_cell(std::string_view cell) {
  if (const auto value = parse_decimal(cell)) return value;
  return is_missing(cell) ? std::numeric_limits<double>::quiet_NaN() : parse_infinity(cell);
}

void append_number(std::string& text, float value) { append_shortest(text, value); }
void append_number(std::string& text, double value) { append_shortest(text, value); }

}  // namespace aetk
