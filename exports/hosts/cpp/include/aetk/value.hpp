#pragma once

#include <chrono>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace aetk {

/// What a column of a table holds in one row: a number; true or false; the text of a category, or of a time in the
/// format of the table; or a point in time, of which the clock in UTC is read. NaN, empty text and `Value()` are
/// missing values.
class Value {
 public:
  using Time = std::chrono::system_clock::time_point;

  Value() : held_(std::numeric_limits<double>::quiet_NaN()) {}
  template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
  Value(Number number) : held_(static_cast<std::conditional_t<std::is_same_v<Number, bool>, bool, double>>(number)) {}
  Value(std::string_view text) : held_(std::string(text)) {}
  Value(const std::string& text) : held_(text) {}
  Value(const char* text) : held_(std::string(text)) {}
  Value(Time time) : held_(time) {}

  const std::variant<double, bool, std::string, Time>& held() const { return held_; }

 private:
  std::variant<double, bool, std::string, Time> held_;
};

}  // namespace aetk
