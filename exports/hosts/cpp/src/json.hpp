#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace aetk {

/// Text that is not JSON, or JSON of another kind than was asked for.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A JSON value (RFC 8259), read strictly: UTF-8, no name twice in an object, nothing after it, no NaN, no lone
/// surrogate.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // sorted by name
  using Value = std::variant<std::nullptr_t, bool, double, std::string, Array, Object>;

  /// Throws JsonError, also where arrays and objects are nested more than 200 deep.
  static Json parse(std::string_view text);

  explicit Json(Value value) : value_(std::move(value)) {}

  // Each throws JsonError where the value is of another kind.
  bool boolean() const { return as<bool>(); }
  double number() const { return as<double>(); }
  const std::string& string() const { return as<std::string>(); }
  const Array& array() const { return as<Array>(); }
  const Object& object() const { return as<Object>(); }
  std::size_t count() const;  ///< a number that is whole, from 0 to 2^53

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_number() const { return std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  /// A member of an object; JsonError where there is none.
  const Json& at(std::string_view name) const;
  /// A member of an object, or null where there is none.
  const Json* find(std::string_view name) const;

 private:
  template <typename T>
  const T& as() const {
    if (const T* value = std::get_if<T>(&value_)) return *value;
    throw JsonError("a JSON value of another kind than expected");
  }

  Value value_;
};

}  // namespace aetk
