#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "number.hpp"
#include "reading.hpp"

namespace aetk {

/// What turns the cells of a column into the values of one feature.
class CellParser {
 public:
  CellParser(const Encoding& encoding, const TableFormat& format);

  /// The value of a cell without blanks around it: NaN for a missing one, an infinity for an infinite one; nothing for
  /// what the card does not allow.
  std::optional<double> operator()(std::string_view cell) const {
    return is_plain_ ? parse_cell(cell) : parse(cell);
  }

  /// Whether a cell is one of the markers or words that mean a missing value.
  bool is_missing(std::string_view cell) const;
  /// Whether a number of a program is one of the markers, by its value.
  bool is_missing_number(double number) const;
  /// The value of a missing cell: NaN, or a category's last index.
  double missing_value() const;
  /// The value of a word of a category, or of true and false; nothing for another one of the latter.
  std::optional<double> word_value(std::string_view word) const;

  const Encoding& encoding() const { return encoding_; }
  /// What messages say was expected of a cell, and what to do.
  std::string expected() const;
  std::string hint() const;

 private:
  std::optional<double> parse(std::string_view cell) const;
  std::optional<double> number(std::string_view cell) const;
  std::optional<std::string> ungrouped(std::string_view cell) const;

  Encoding encoding_;
  std::vector<std::string> missing_;
  std::map<std::string, double, std::less<>> values_;  // of words
  char decimal_;
  std::string thousands_;
  bool is_plain_;  // as in contract 1
};

/// A text in lower case, of Latin, Greek and Cyrillic letters.
std::string lowered(std::string_view text);

}  // namespace aetk
