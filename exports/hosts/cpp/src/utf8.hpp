#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aetk {

/// Whether bytes are UTF-8, without overlong forms and surrogates (Unicode 15, table 3-7).
bool is_utf8(std::string_view text);

/// The code points of valid UTF-8.
std::size_t count_code_points(std::string_view text);

/// The first `count` code points of valid UTF-8.
std::string_view first_code_points(std::string_view text, std::size_t count);

/// The first code point of valid UTF-8 that is not empty; takes it off the text.
std::uint32_t take_code_point(std::string_view& text);

void append_code_point(std::string& text, std::uint32_t code_point);

/// Appends the escape of a code point below 65,536: its four hexadecimal digits, after a backslash and a u.
void append_escaped(std::string& text, std::uint32_t code_point);

/// Lines for a terminal, which no name of a card or a column may command. They may hold a path that is not UTF-8.
std::string printable(std::string_view lines);

}  // namespace aetk
