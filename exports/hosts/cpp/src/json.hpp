#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aetk {

/// A JSON value, read strictly (RFC 8259). What is asked for and not there is a std::invalid_argument.
class Json {
 public:
  static Json parse(std::string_view text);

  bool is_null() const { return kind_ == Kind::null; }
  double number() const;
  const std::string& text() const;
  const std::vector<Json>& items() const;

  /// A member of an object.
  const Json& at(std::string_view name) const;
  bool has(std::string_view name) const;

 private:
  friend class JsonReader;
  enum class Kind { null, boolean, number, text, array, object };

  const Json* find(std::string_view name) const;

  Kind kind_ = Kind::null;
  double number_ = 0;
  std::string text_;
  std::vector<Json> items_;         // of an array, or the values of an object
  std::vector<std::string> names_;  // of an object's values
};

}  // namespace aetk
