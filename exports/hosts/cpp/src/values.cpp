#include "values.hpp"

#include <charconv>
#include <cmath>

#include "number.hpp"
#include "times.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

using Kind = Encoding::Kind;

constexpr std::size_t kShown = 40;

bool is_numeric(Kind kind) { return kind == Kind::number || kind == Kind::percent || kind == Kind::hex; }

/// The shortest decimal text of a number: 3 for 3.0; with an exponent if it is very large or very small.
std::string shortest(double number) {
  const double size = std::abs(number);
  const bool is_fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  char text[64];
  const auto format = is_fixed ? std::chars_format::fixed : std::chars_format::scientific;
  return std::string(text, std::to_chars(text, text + sizeof text, number == 0 ? 0 : number, format).ptr);
}

std::optional<double> of_time(const CellParser& parser, std::optional<double> seconds) {
  if (!seconds) return std::nullopt;
  return time_part(*seconds, parser.encoding().part);
}

/// How each kind of value becomes that of a feature.
struct Converter {
  const CellParser& parser;

  Kind kind() const { return parser.encoding().kind; }

  std::optional<double> operator()(double number) const {
    if (std::isnan(number) || parser.is_missing_number(number)) return parser.missing_value();
    if (is_numeric(kind())) return number;
    if (kind() == Kind::time) return of_time(parser, counted_time(number, parser.encoding().order));
    if (kind() == Kind::level) return parser.word_value(shortest(number));
    return number == 0 || number == 1 ? std::optional(number) : std::nullopt;
  }

  std::optional<double> operator()(bool flag) const {
    if (!is_numeric(kind()) && kind() != Kind::truth) return std::nullopt;
    return flag ? 1 : 0;
  }

  std::optional<double> operator()(const std::string& text) const {
    const std::string_view cell = strip(text);
    if (!is_utf8(cell) || (is_numeric(kind()) && !parser.is_missing(cell))) return std::nullopt;
    return parser(cell);
  }

  std::optional<double> operator()(Value::Time time) const {
    if (kind() != Kind::time) return std::nullopt;
    const std::chrono::duration<double> since = time.time_since_epoch();
    return of_time(parser, std::floor(since.count()));
  }
};

}  // namespace

std::optional<double> feature_value(const CellParser& parser, const Value& value) {
  return std::visit(Converter{parser}, value.held());
}

std::string shown(const Value& value) {
  if (const auto* number = std::get_if<double>(&value.held())) return shortest(*number);
  if (const auto* flag = std::get_if<bool>(&value.held())) return *flag ? "true" : "false";
  const auto* text = std::get_if<std::string>(&value.held());
  if (text == nullptr) return "a point in time";
  return is_utf8(*text) ? "'" + std::string(first_code_points(*text, kShown)) + "'" : "text that is not UTF-8";
}

const char* wanted(Kind kind) {
  switch (kind) {
    case Kind::level: return "the text of a category";
    case Kind::truth: return "true or false";
    case Kind::time: return "a time";
    default: return "a number";
  }
}

}  // namespace aetk
