#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "line_reader.hpp"
#include "reading.hpp"

namespace aetk {

/// A row of a text file.
class Row {
 public:
  std::size_t line() const { return line_; }  ///< the number, from 1, of the line that it starts on
  std::size_t size() const { return ends_.size(); }
  /// The text of a cell; in any but the strict format without the blanks around it.
  std::string_view cell(std::size_t i) const {
    const std::size_t start = i == 0 ? 0 : ends_[i - 1];
    const std::string_view whole = std::string_view(text_).substr(start, ends_[i] - start);
    return is_strict_ ? whole : strip(whole);
  }
  /// How long it is in the file.
  std::size_t bytes() const { return bytes_; }

 private:
  friend class CsvReader;

  std::size_t line_ = 1, bytes_ = 0;
  bool is_strict_ = true;
  std::string text_;               // of all cells
  std::vector<std::size_t> ends_;  // of each cell, in text_
};

/// The rows of a text file one by one. The strict format is read as strictly as Python's csv.reader does: UTF-8,
/// commas, RFC 4180 quoting.
class CsvReader {
 public:
  /// Throws Problem where the file cannot be opened.
  explicit CsvReader(const std::string& path, const TableFormat& format = {});

  /// Goes to the next row that is no blank line and no comment; false at the end. Throws Problem for bytes that are not
  /// rows in the format.
  bool next(Row& row);

  /// Goes to the row whose first cell is the format's header; false if there is none.
  bool find_header(Row& row);

  const std::string& path() const { return lines_.path(); }
  /// What to do about a row that is none.
  std::string hint() const;

 private:
  enum class State { start_of_row, start_of_cell, in_cell, in_quotes, after_quote, after_row };

  void start_row();
  void hand_over(Row& row);
  bool take_line();
  void read_row();
  void take_all();
  void take(char c);
  void end_cell();
  void end_row(State next);
  void split_at_blanks();
  void split_again();
  bool is_left_out() const;
  std::string first_cell() const;
  [[noreturn]] void refuse(const std::string& error, const std::string& hint = "") const;

  TableFormat format_;
  LineReader lines_;
  std::string line_;
  std::size_t lines_read_ = 0;
  State state_ = State::start_of_row;
  Row row_;
};

}  // namespace aetk
