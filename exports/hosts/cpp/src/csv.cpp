#include "csv.hpp"

#include <algorithm>
#include <utility>

#include "aetk/problem.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kLongestRow = 1u << 24;
constexpr const char* kLoneReturn =
    "found a carriage return without a line feed; expected lines that end in LF or CRLF.";
constexpr const char* kLineEnds = "Save the table with Unix or Windows line ends.";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view without_end(std::string_view line) {
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

CsvReader::CsvReader(const std::string& path, const TableFormat& format)
    : format_(format), lines_(path, format.encoding) {
  for (std::size_t i = 0; i < format.skip_rows; ++i) {
    start_row();
    if (!take_line()) break;
  }
}

std::string CsvReader::hint() const {
  if (format_.delimiter == ' ') return "Runs of blanks and tabs separate cells, and quotes have no meaning.";
  return std::string("A cell that holds ") + called(format_.delimiter) +
         ", a quote or a line end is written in quotes, and a quote in it twice.";
}

bool CsvReader::next(Row& row) {
  do {
    start_row();
    if (!take_line()) return false;
    if (!is_left_out()) read_row();
  } while (row_.ends_.empty());
  hand_over(row);
  return true;
}

bool CsvReader::find_header(Row& row) {
  do {
    start_row();
    if (!take_line()) return false;
  } while (first_cell() != strip(format_.header));
  read_row();
  const std::size_t first = row_.ends_[0];
  row_.text_.erase(0, first);
  row_.ends_.erase(row_.ends_.begin());
  for (std::size_t& end : row_.ends_) end -= first;
  hand_over(row);
  return true;
}

void CsvReader::start_row() {
  row_.text_.clear();
  row_.ends_.clear();
  row_.bytes_ = 0;
  row_.line_ = lines_read_ + 1;
}

void CsvReader::hand_over(Row& row) {
  if (!format_.second_delimiter.empty()) split_again();
  row_.is_strict_ = format_.is_strict;
  std::swap(row, row_);
}

bool CsvReader::take_line() {
  if (!lines_.next(line_, kLongestRow + 1 - row_.bytes_)) return false;
  ++lines_read_;
  row_.bytes_ += line_.size();
  if (row_.bytes_ > kLongestRow) {
    throw Problem(path() + ", line " + std::to_string(row_.line_) + ": the row is longer than 16 MiB.",
                  "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.");
  }
  if (!is_utf8(line_)) {
    const std::string encoding = called(format_.encoding);
    throw Problem(path() + ", line " + std::to_string(lines_read_) + ": not " + encoding + " text.",
                  "Save the table as " + encoding + ".");
  }
  if (lines_read_ == 1 && line_.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0) {
    line_.erase(0, kByteOrderMark.size());
  }
  return true;
}

/// Whether the line that was taken is blank or a comment, which in the strict format `take` decides alone.
bool CsvReader::is_left_out() const {
  if (format_.is_strict) return false;
  const bool is_comment = !format_.comment.empty() && line_.compare(0, format_.comment.size(), format_.comment) == 0;
  const std::string_view line = without_end(line_);
  const bool is_blank = format_.delimiter == '\t' ? line.find_first_not_of(' ') == line.npos : strip(line).empty();
  return is_comment || is_blank;
}

/// The first cell of a line that may be anything.
std::string CsvReader::first_cell() const {
  std::string_view line = without_end(line_);
  if (format_.delimiter == ' ') {
    line = strip(line);
    return std::string(line.substr(0, line.find_first_of(" \t")));
  }
  if (line.empty() || line.front() != '"') return std::string(strip(line.substr(0, line.find(format_.delimiter))));
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '"' && (++i == line.size() || line[i] != '"')) break;
    cell.push_back(line[i]);
  }
  return std::string(strip(cell));
}

/// Makes a row of the line that was taken, and of those after it that belong to it.
void CsvReader::read_row() {
  if (format_.delimiter == ' ') return split_at_blanks();
  for (;;) {
    take_all();
    if (state_ != State::in_quotes) return end_row(State::start_of_row);
    if (!take_line()) refuse("a quote is opened and never closed.");
  }
}

void CsvReader::split_at_blanks() {
  std::string_view rest = without_end(line_);
  if (rest.find('\r') != std::string_view::npos) refuse(kLoneReturn, kLineEnds);
  for (rest = strip(rest); !rest.empty(); rest = strip(rest)) {
    const std::size_t size = std::min(rest.find_first_of(" \t"), rest.size());
    row_.text_ += rest.substr(0, size);
    row_.ends_.push_back(row_.text_.size());
    rest.remove_prefix(size);
  }
}

/// Splits every cell at the second delimiter.
void CsvReader::split_again() {
  const std::string whole = std::exchange(row_.text_, {});
  const std::vector<std::size_t> ends = std::exchange(row_.ends_, {});
  std::size_t start = 0;
  for (const std::size_t end : ends) {
    std::string_view rest = std::string_view(whole).substr(start, end - start);
    for (std::size_t found; (found = rest.find(format_.second_delimiter)) != std::string_view::npos;) {
      row_.text_ += rest.substr(0, found);
      row_.ends_.push_back(row_.text_.size());
      rest.remove_prefix(found + format_.second_delimiter.size());
    }
    row_.text_ += rest;
    row_.ends_.push_back(row_.text_.size());
    start = end;
  }
}

/// Takes the line; what is inside a cell without quotes, all at once.
void CsvReader::take_all() {
  const char delimiter = format_.delimiter;
  const auto goes_on = [&](char c) { return c != delimiter && c != '\n' && c != '\r'; };
  const char* const end = line_.data() + line_.size();
  for (const char* at = line_.data(); at != end; ++at) {
    if (state_ == State::in_cell) {
      const char* const stop = std::find_if_not(at, end, goes_on);
      row_.text_.append(at, stop);
      at = stop;
      if (at == end) return;
    }
    take(*at);
  }
}

void CsvReader::take(char c) {
  const bool ends_line = c == '\n' || c == '\r';
  switch (state_) {
    case State::start_of_row:
      if (ends_line) {
        state_ = State::after_row;
        return;
      }
      [[fallthrough]];
    case State::start_of_cell:
      if (c == '"') {
        state_ = State::in_quotes;
        return;
      }
      state_ = State::in_cell;
      [[fallthrough]];
    case State::in_cell:
      if (ends_line) return end_row(State::after_row);
      return c == format_.delimiter ? end_cell() : row_.text_.push_back(c);
    case State::in_quotes:
      if (c == '"') {
        state_ = State::after_quote;
        return;
      }
      return row_.text_.push_back(c);
    case State::after_quote:
      if (ends_line) return end_row(State::after_row);
      if (c == format_.delimiter) return end_cell();
      if (c != '"') {
        refuse(std::string("found text after a closing quote; expected ") + called(format_.delimiter) +
               " or the end of the line.");
      }
      state_ = State::in_quotes;
      return row_.text_.push_back(c);
    case State::after_row:
      if (!ends_line) refuse(kLoneReturn, kLineEnds);
  }
}

void CsvReader::end_cell() {
  row_.ends_.push_back(row_.text_.size());
  state_ = State::start_of_cell;
}

void CsvReader::end_row(State next) {
  if (state_ != State::start_of_row && state_ != State::after_row) end_cell();
  state_ = next;
}

void CsvReader::refuse(const std::string& error, const std::string& hint) const {
  throw Problem(path() + ", line " + std::to_string(row_.line_) + ": " + error, hint.empty() ? this->hint() : hint);
}

}  // namespace aetk
