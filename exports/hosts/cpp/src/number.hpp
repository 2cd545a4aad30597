#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aetk {

/// The nearest float64 of `[+-]?(digits[.digits] | .digits)[(e|E)[+-]digits]`, infinite where it is too large;
/// nothing if the text is none. Whatever the locale.
std::optional<double> parse_decimal(std::string_view text);

/// Whether text is such a decimal.
bool is_decimal(std::string_view text);

/// Whether a cell is empty, NA, NaN or null, in any case.
bool is_missing(std::string_view cell);

/// Inf and infinity in any case, signed; nothing for any other text.
std::optional<double> parse_infinity(std::string_view text);

/// The value of a table's cell: a decimal, NaN for a missing value (empty, NA, NaN, null in any case), or infinity
/// (inf, infinity in any case, signed); nothing if it is no number.
std::optional<double> parse_cell(std::string_view cell);

/// Appends the shortest decimal that gives back the same value.
void append_number(std::string& text, float value);
void append_number(std::string& text, double value);

}  // namespace aetk
