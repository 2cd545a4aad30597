#include "json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "number.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

constexpr int kDeepest = 200;

/// Recursive descent over valid UTF-8.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = this->value(0);
    skip_space();
    if (at_ < text_.size()) fail("something after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw JsonError("JSON, byte " + std::to_string(at_) + ": " + what);
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  bool took(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }

  void take(std::string_view expected, const char* otherwise) {
    skip_space();
    if (!took(expected)) fail(otherwise);
  }

  Json value(int depth) {
    skip_space();
    if (depth > kDeepest) fail("nested too deep");
    if (took("{")) return object(depth);
    if (took("[")) return array(depth);
    if (took("\"")) return Json(string());
    if (took("true")) return Json(true);
    if (took("false")) return Json(false);
    if (took("null")) return Json(nullptr);
    return Json(number());
  }

  Json array(int depth) {
    Json::Array items;
    skip_space();
    if (took("]")) return Json(std::move(items));
    do {
      items.push_back(value(depth + 1));
      skip_space();
    } while (took(","));
    take("]", "expected ',' or ']'");
    return Json(std::move(items));
  }

  Json object(int depth) {
    Json::Object members;
    skip_space();
    if (took("}")) return Json(std::move(members));
    do {
      take("\"", "expected a name");
      std::string name = string();
      take(":", "expected ':'");
      members.emplace_back(std::move(name), value(depth + 1));
      skip_space();
    } while (took(","));
    take("}", "expected ',' or '}'");
    const auto by_name = [](const Json::Member& a, const Json::Member& b) { return a.first < b.first; };
    std::sort(members.begin(), members.end(), by_name);
    const auto same = [](const Json::Member& a, const Json::Member& b) { return a.first == b.first; };
    if (std::adjacent_find(members.begin(), members.end(), same) != members.end()) fail("a name twice in an object");
    return Json(std::move(members));
  }

  std::string string() {
    std::string found;
    for (;;) {
      if (at_ >= text_.size()) fail("a string without an end");
      const char c = text_[at_++];
      if (c == '"') return found;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c == '\\') {
        append_code_point(found, escaped());
      } else {
        found.push_back(c);
      }
    }
  }

  std::uint32_t escaped() {
    if (at_ >= text_.size()) fail("a string without an end");
    const char c = text_[at_++];
    if (c == 'u') return unicode();
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    const std::size_t which = kNames.find(c);
    if (which == std::string_view::npos) fail("an unknown escape");
    return static_cast<std::uint32_t>(kMeant[which]);
  }

  std::uint32_t unicode() {
    const std::uint32_t first = four_digits();
    if (first < 0xd800 || first > 0xdfff) return first;
    if (first > 0xdbff || !took("\\u")) fail("half of a surrogate pair");
    const std::uint32_t second = four_digits();
    if (second < 0xdc00 || second > 0xdfff) fail("half of a surrogate pair");
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  }

  std::uint32_t four_digits() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : '"';
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
      if (digit == std::string_view::npos) fail("expected four hexadecimal digits");
      code = code << 4 | static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
    }
    return code;
  }

  double number() {
    const std::size_t end = std::min(text_.find_first_not_of("+-.0123456789eE", at_), text_.size());
    const std::string_view token = text_.substr(at_, end - at_);
    // JSON's numbers are decimals with no plus sign, no needless zero, and digits on both sides of a point
    const std::string_view digits = token.substr(!token.empty() && token.front() == '-');
    const auto digit_at = [&](std::size_t i) { return i < digits.size() && digits[i] >= '0' && digits[i] <= '9'; };
    const std::size_t point = digits.find('.');
    const bool narrow = digit_at(0) && !(digits[0] == '0' && digit_at(1)) &&
                        (point == std::string_view::npos || digit_at(point + 1));
    const auto value = narrow ? parse_decimal(token) : std::nullopt;
    if (!value) fail("expected a value");
    at_ = end;
    return *value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Json Json::parse(std::string_view text) {
  if (!is_utf8(text)) throw JsonError("JSON that is not UTF-8");
  return Parser(text).document();
}

std::size_t Json::count() const {
  const double value = number();
  if (!(value >= 0 && value <= 9007199254740992.0) || value != std::floor(value)) throw JsonError("no count");
  return static_cast<std::size_t>(value);
}

const Json* Json::find(std::string_view name) const {
  const auto& members = as<Object>();
  const auto before = [](const Member& member, std::string_view wanted) { return member.first < wanted; };
  const auto found = std::lower_bound(members.begin(), members.end(), name, before);
  return found != members.end() && found->first == name ? &found->second : nullptr;
}

const Json& Json::at(std::string_view name) const {
  if (const Json* member = find(name)) return *member;
  throw JsonError("JSON without '" + std::string(name) + "'");
}

}  // namespace aetk
