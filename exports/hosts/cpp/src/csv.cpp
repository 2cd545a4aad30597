#include "csv.hpp"

#include "aetk/problem.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kLongestRow = 1u << 24;
constexpr const char* kLoneReturn =
    "found a carriage return without a line feed; expected lines that end in LF or CRLF.";
constexpr const char* kLineEnds = "Save the table with Unix or Windows line ends.";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

std::string_view CsvReader::cell(std::size_t i) const {
  const std::size_t start = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(start, ends_[i] - start);
}

bool CsvReader::next() {
  do {
    text_.clear();
    ends_.clear();
    row_bytes_ = 0;
    first_line_ = lines_read_ + 1;
    do {
      if (!take_line()) {
        if (state_ == State::in_quotes) refuse("a quote is opened and never closed.", kQuoting);
        return false;
      }
      for (const char c : line_) take(c);
      if (state_ != State::in_quotes) end_row(State::start_of_row);
    } while (state_ != State::start_of_row);
  } while (ends_.empty());
  return true;
}

bool CsvReader::take_line() {
  if (!lines_.next(line_, kLongestRow + 1 - row_bytes_)) return false;
  ++lines_read_;
  row_bytes_ += line_.size();
  if (row_bytes_ > kLongestRow) {
    throw Problem(path() + ", line " + std::to_string(first_line_) + ": the row is longer than 16 MiB.",
                  "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.");
  }
  if (!is_utf8(line_)) {
    throw Problem(path() + ", line " + std::to_string(lines_read_) + ": not UTF-8 text.", "Save the table as UTF-8.");
  }
  if (lines_read_ == 1 && line_.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0) {
    line_.erase(0, kByteOrderMark.size());
  }
  return true;
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
      return c == ',' ? end_cell() : text_.push_back(c);
    case State::in_quotes:
      if (c == '"') {
        state_ = State::after_quote;
        return;
      }
      return text_.push_back(c);
    case State::after_quote:
      if (ends_line) return end_row(State::after_row);
      if (c == ',') return end_cell();
      if (c != '"') refuse("found text after a closing quote; expected a comma or the end of the line.", kQuoting);
      state_ = State::in_quotes;
      return text_.push_back(c);
    case State::after_row:
      if (!ends_line) refuse(kLoneReturn, kLineEnds);
  }
}

void CsvReader::end_cell() {
  ends_.push_back(text_.size());
  state_ = State::start_of_cell;
}

void CsvReader::end_row(State next) {
  if (state_ != State::start_of_row && state_ != State::after_row) end_cell();
  state_ = next;
}

void CsvReader::refuse(const char* error, const char* hint) const {
  throw Problem(path() + ", line " + std::to_string(first_line_) + ": " + error, hint);
}

}  // namespace aetk
