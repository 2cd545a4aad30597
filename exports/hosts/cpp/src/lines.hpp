#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "problem.hpp"

namespace aetk {

using Cells = std::vector<std::string>;

/// Splits a CSV file that comes in pieces into rows, by RFC 4180 and as strictly as Python's csv module. A blank line is
/// no row. The first fault in the order of the file is thrown as a Problem.
class LineReader {
 public:
  /// Gets the number of the line on which a row starts, from 1, and its cells.
  using Take = std::function<void(std::size_t line, const Cells& cells)>;

  LineReader(std::string path, Take take) : path_(std::move(path)), take_(std::move(take)) {}

  void push(std::string_view bytes);
  void end();

 private:
  void read_line(std::string_view line);
  std::size_t read_plain_cell(std::string_view line, std::size_t start);
  std::size_t read_quoted_cell(std::string_view line, std::size_t start);
  void add(std::string_view cell);
  void check_length(std::string_view cell) const;
  Problem fault(const std::string& what) const;

  std::string path_;
  Take take_;
  std::string pending_;  // the beginning of a line that has not ended yet
  std::size_t line_ = 0;
  std::size_t row_line_ = 1;
  Cells cells_;
  std::size_t filled_ = 0;  // how many of the cells are of this row; the others keep their memory for the next one
  bool is_open_ = false;    // whether a quoted cell goes on in the next line
  std::string open_;
};

}  // namespace aetk
