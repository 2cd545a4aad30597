#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aetk {

/// The rows of a CSV file one by one: UTF-8, commas, RFC 4180 quoting, as strictly as Python's csv.reader reads them.
class CsvReader {
 public:
  /// Throws Problem where the file cannot be opened.
  explicit CsvReader(std::string path);

  /// Goes to the next row that is no blank line; false at the end. Throws Problem for bytes that are no CSV in UTF-8.
  bool next();

  const std::string& path() const { return path_; }
  std::size_t line() const { return first_line_; }  ///< the number, from 1, of the line that the row starts on
  std::size_t size() const { return ends_.size(); }
  /// The text of a cell; lives until the next call of `next`.
  std::string_view cell(std::size_t i) const;

 private:
  enum class State { start_of_row, start_of_cell, in_cell, in_quotes, after_quote, after_row };
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Free {
    void operator()(char* bytes) const;
  };

  bool take_line();
  void take(char c);
  void add(char c);
  void end_cell();
  void end_row(State next);
  [[noreturn]] void refuse(const char* error) const;

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::unique_ptr<char, Free> buffer_;  // of getline, which makes it larger
  std::size_t buffer_size_ = 0;
  std::string_view line_bytes_;
  std::size_t lines_read_ = 0, first_line_ = 1;
  State state_ = State::start_of_row;
  std::string text_;               // all cells of the row
  std::vector<std::size_t> ends_;  // of each cell, in text_
  std::size_t cell_length_ = 0;    // code points of the cell that is being read
};

}  // namespace aetk
