#include "cells.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kLongestShown = 40;
/// First and last of the characters that would not be seen.
constexpr std::array<std::array<std::uint32_t, 2>, 8> kUnprinted = {{{0x00, 0x1f}, {0x7f, 0xa0}, {0x2000, 0x200f},
                                                                     {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},
                                                                     {0xfeff, 0xfeff}, {0xfff9, 0xfffb}}};

std::size_t count_digits(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789");
  return end == std::string_view::npos ? text.size() : end;
}

/// Whether text without its sign is a decimal or exponent number.
bool is_number(std::string_view text) {
  const std::size_t before = count_digits(text);
  text.remove_prefix(before);
  std::size_t after = 0;
  if (!text.empty() && text.front() == '.') {
    after = count_digits(text.substr(1));
    text.remove_prefix(1 + after);
  }
  if (before + after == 0) return false;
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  return !text.empty() && count_digits(text) == text.size();
}

/// Whether a number that from_chars finds out of range is too large, and not too small: where its first digit stands tells.
bool is_huge(std::string_view text) {
  const std::size_t mark = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, mark);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = mantissa.find_first_of("123456789");
  long long place = static_cast<long long>(point) - static_cast<long long>(first);  // digits before the point, from the first on
  if (mark != std::string_view::npos) {
    std::string_view digits = text.substr(mark + 1);
    const bool negative = digits.front() == '-';
    if (digits.front() == '+' || negative) digits.remove_prefix(1);
    long long exponent = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error == std::errc::result_out_of_range) return !negative;
    place += negative ? -exponent : exponent;
  }
  return place > 0;
}

bool equals(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

bool is_unprinted(std::uint32_t point) {
  return std::any_of(kUnprinted.begin(), kUnprinted.end(),
                     [&](const auto& range) { return point >= range[0] && point <= range[1]; });
}

}  // namespace

std::optional<double> parse_cell(std::string_view cell) {
  const bool is_signed = !cell.empty() && (cell.front() == '+' || cell.front() == '-');
  const double sign = is_signed && cell.front() == '-' ? -1 : 1;
  const std::string_view rest = cell.substr(is_signed ? 1 : 0);
  if (is_number(rest)) {
    double value = 0;
    const auto error = std::from_chars(rest.data(), rest.data() + rest.size(), value).ec;
    if (error == std::errc::result_out_of_range) value = is_huge(rest) ? std::numeric_limits<double>::infinity() : 0;
    return sign * value;
  }
  if (equals(rest, "inf") || equals(rest, "infinity")) return sign * std::numeric_limits<double>::infinity();
  if (cell.empty() || equals(cell, "na") || equals(cell, "nan") || equals(cell, "null")) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return std::nullopt;
}

std::string show_cell(std::string_view cell) {
  const bool is_long = count_characters(cell) > kLongestShown;
  std::string shown;
  for (std::size_t count = 0; !cell.empty() && !(is_long && count == kLongestShown - 3); ++count) {
    const Character character = first_character(cell);
    if (is_unprinted(character.point)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(character.point));
      shown += escape.data();
    } else {
      shown += cell.substr(0, character.bytes);
    }
    cell.remove_prefix(character.bytes);
  }
  return is_long ? shown + "..." : shown;
}

std::string format_float(float value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

}  // namespace aetk
