#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aetk {

/// A cell's value: NaN where missing, infinite where infinite or too large; none where it is no number.
std::optional<double> parse_cell(std::string_view cell);

/// A cell for a message: at most 40 characters, and what would not be seen escaped.
std::string show_cell(std::string_view cell);

/// The shortest decimal that gives back a float32.
std::string format_float(float value);

}  // namespace aetk
