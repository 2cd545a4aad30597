#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "line_reader.hpp"

namespace aetk {

/// What to do about a row that is none.
constexpr const char* kQuoting =
    "A cell that holds a comma, a quote or a line end is written in quotes, and a quote in it twice.";

/// The rows of a CSV file one by one: UTF-8, commas, RFC 4180 quoting, as strictly as Python's csv.reader reads them.
class CsvReader {
 public:
  /// Throws Problem where the file cannot be opened.
  explicit CsvReader(const std::string& path) : lines_(path) {}

  /// Goes to the next row that is not a blank line; false at the end. Throws Problem for bytes that are not CSV in UTF-8.
  bool next();

  const std::string& path() const { return lines_.path(); }
  std::size_t line() const { return first_line_; }  ///< the number, from 1, of the line that the row starts on
  std::size_t size() const { return ends_.size(); }
  /// The text of a cell; lives until the next call of `next`.
  std::string_view cell(std::size_t i) const;
  /// How long the row is in the file.
  std::size_t bytes() const { return row_bytes_; }

 private:
  enum class State { start_of_row, start_of_cell, in_cell, in_quotes, after_quote, after_row };

  bool take_line();
  void take(char c);
  void end_cell();
  void end_row(State next);
  [[noreturn]] void refuse(const char* error, const char* hint) const;

  LineReader lines_;
  std::string line_;
  std::size_t lines_read_ = 0, first_line_ = 1, row_bytes_ = 0;
  State state_ = State::start_of_row;
  std::string text_;               // all cells of the row
  std::vector<std::size_t> ends_;  // of each cell, in text_
};

}  // namespace aetk
