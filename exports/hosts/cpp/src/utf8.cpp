#include "utf8.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace aetk {
namespace {

bool starts_code_point(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

/// The bytes of the code point that begins with `lead`, and the range of its second byte; length 0: none begins so.
struct Form {
  std::size_t length;
  unsigned char low, high;
};

Form form_of(unsigned char lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xc2) return {0, 0, 0};
  if (lead < 0xe0) return {2, 0x80, 0xbf};
  if (lead == 0xe0) return {3, 0xa0, 0xbf};
  if (lead == 0xed) return {3, 0x80, 0x9f};
  if (lead < 0xf0) return {3, 0x80, 0xbf};
  if (lead == 0xf0) return {4, 0x90, 0xbf};
  if (lead < 0xf4) return {4, 0x80, 0xbf};
  if (lead == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

std::size_t skip_ascii(std::string_view text, std::size_t from) {
  for (std::uint64_t eight; from + sizeof eight <= text.size(); from += sizeof eight) {
    std::memcpy(&eight, text.data() + from, sizeof eight);
    if (eight & 0x8080808080808080u) break;
  }
  return from;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = skip_ascii(text, 0); i < text.size();) {
    const Form form = form_of(static_cast<unsigned char>(text[i]));
    if (form.length == 0 || form.length > text.size() - i) return false;
    for (std::size_t k = 1; k < form.length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte < (k == 1 ? form.low : 0x80) || byte > (k == 1 ? form.high : 0xbf)) return false;
    }
    i = form.length == 1 ? i + 1 : skip_ascii(text, i + form.length);
  }
  return true;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

std::string_view first_code_points(std::string_view text, std::size_t count) {
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (starts_code_point(text[end]) && count-- == 0) break;
  }
  return text.substr(0, end);
}

std::uint32_t take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = form_of(lead).length;
  std::uint32_t code_point = length == 1 ? lead : lead & (0x7fu >> length);
  for (std::size_t k = 1; k < length; ++k) {
    code_point = code_point << 6 | (static_cast<unsigned char>(text[k]) & 0x3fu);
  }
  text.remove_prefix(length);
  return code_point;
}

void append_code_point(std::string& text, std::uint32_t code_point) {
  if (code_point < 0x80) {
    text.push_back(static_cast<char>(code_point));
    return;
  }
  const int trailing = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
  const std::uint32_t mark = 0xff00u >> (trailing + 1) & 0xffu;
  text.push_back(static_cast<char>(mark | code_point >> (6 * trailing)));
  for (int k = trailing - 1; k >= 0; --k) text.push_back(static_cast<char>(0x80 | (code_point >> (6 * k) & 0x3f)));
}

void append_escaped(std::string& text, std::uint32_t code_point) {
  char escaped[8];
  std::snprintf(escaped, sizeof escaped, "\\u%04x", code_point & 0xffffu);
  text += escaped;
}

std::string printable(std::string_view lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto byte = static_cast<unsigned char>(lines[i]);
    const auto next = static_cast<unsigned char>(i + 1 < lines.size() ? lines[i + 1] : 0);
    if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {  // U+0080 to U+009F
      append_escaped(text, next);
      ++i;
    } else if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f) {
      append_escaped(text, byte);
    } else {
      text.push_back(lines[i]);
    }
  }
  return text;
}

}  // namespace aetk
