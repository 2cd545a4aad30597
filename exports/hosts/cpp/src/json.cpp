#include "json.hpp"

#include <charconv>
#include <cstdint>
#include <stdexcept>

#include "utf8.hpp"

namespace aetk {
namespace {

constexpr int kDeepest = 64;

[[noreturn]] void fail(const char* what) { throw std::invalid_argument(what); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Json document() {
    Json value = read(0);
    skip_space();
    if (at_ != text_.size()) fail("something after the end");
    return value;
  }

 private:
  Json read(int depth) {
    if (depth > kDeepest) fail("too deep");
    skip_space();
    Json value;
    switch (peek()) {
      case '{':
        value.kind_ = Json::Kind::object;
        members('}', depth, value);
        break;
      case '[':
        value.kind_ = Json::Kind::array;
        members(']', depth, value);
        break;
      case '"':
        value.kind_ = Json::Kind::text;
        value.text_ = string();
        break;
      case 't':
      case 'f':
        value.kind_ = Json::Kind::boolean;
        word(peek() == 't' ? "true" : "false");
        break;
      case 'n':
        word("null");
        break;
      default:
        value.kind_ = Json::Kind::number;
        value.number_ = number();
    }
    return value;
  }

  void members(char end, int depth, Json& into) {
    ++at_;
    skip_space();
    if (peek() == end) {
      ++at_;
      return;
    }
    for (;;) {
      if (end == '}') {
        skip_space();
        into.names_.push_back(string());
        skip_space();
        expect(':');
      }
      into.items_.push_back(read(depth + 1));
      skip_space();
      if (peek() == end) break;
      expect(',');
    }
    ++at_;
  }

  std::string string() {
    expect('"');
    std::string result;
    for (;;) {
      const char c = peek();
      ++at_;
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c == '\\') {
        escape(result);
      } else {
        result += c;
      }
    }
    if (!is_utf8(result)) fail("not UTF-8");
    return result;
  }

  void escape(std::string& result) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char letter = peek();
    ++at_;
    const std::size_t known = kLetters.find(letter);
    if (known != std::string_view::npos) {
      result += kMeanings[known];
      return;
    }
    if (letter != 'u') fail("an unknown escape");
    std::uint32_t point = hex4();
    if (point >= 0xd800 && point < 0xdc00) {
      expect('\\');
      expect('u');
      const std::uint32_t low = hex4();
      if (low < 0xdc00 || low > 0xdfff) fail("half of a surrogate pair");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
      fail("half of a surrogate pair");
    }
    append_utf8(result, point);
  }

  std::uint32_t hex4() {
    std::uint32_t value = 0;
    const char* start = text_.data() + at_;
    if (text_.size() - at_ < 4) fail("an escape that ends");
    const auto [end, error] = std::from_chars(start, start + 4, value, 16);
    if (error != std::errc() || end != start + 4) fail("an escape without digits");
    at_ += 4;
    return value;
  }

  double number() {
    const std::size_t start = at_;
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
    } else {
      digits();
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      digits();
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
    }
    double value = 0;
    if (std::from_chars(text_.data() + start, text_.data() + at_, value).ec != std::errc()) fail("a number out of range");
    return value;
  }

  void digits() {
    if (!is_digit(peek())) fail("a digit is missing");
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  }

  void word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) fail("an unknown word");
    at_ += expected.size();
  }

  char peek() const {
    if (at_ >= text_.size()) fail("it ends too early");
    return text_[at_];
  }

  void expect(char c) {
    if (peek() != c) fail("an unexpected character");
    ++at_;
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Json Json::parse(std::string_view text) { return JsonReader(text).document(); }

double Json::number() const {
  if (kind_ != Kind::number) fail("not a number");
  return number_;
}

const std::string& Json::text() const {
  if (kind_ != Kind::text) fail("not a string");
  return text_;
}

const std::vector<Json>& Json::items() const {
  if (kind_ != Kind::array) fail("not an array");
  return items_;
}

const Json& Json::at(std::string_view name) const {
  const Json* found = find(name);
  if (found == nullptr) fail("a member is missing");
  return *found;
}

bool Json::has(std::string_view name) const { return find(name) != nullptr; }

const Json* Json::find(std::string_view name) const {
  if (kind_ != Kind::object) fail("not an object");
  for (std::size_t i = names_.size(); i-- > 0;) {  // of two members with one name, the last counts
    if (names_[i] == name) return &items_[i];
  }
  return nullptr;
}

}  // namespace aetk
