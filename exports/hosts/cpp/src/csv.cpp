#include "csv.hpp"

#include <sys/stat.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <utility>

#include "files.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kLongestCell = 1u << 24;  // code points
constexpr const char* kLoneReturn =
    "new-line character seen in unquoted field";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::FILE* open_table(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) throw errno == ENOENT ? Problem("No such file: " + path + ".") : cannot_use(path, errno);
  return file;
}

}  // namespace

void CsvReader::Free::operator()(char* bytes) const { std::free(bytes); }

CsvReader::CsvReader(std::string path) : path_(std::move(path)), file_(open_table(path_)) {
  struct stat about;
  if (fstat(fileno(file_.get()), &about) == 0 && S_ISDIR(about.st_mode)) {
    throw Problem(path_ + " is a folder; expected a CSV file.");
  }
}

std::string_view CsvReader::cell(std::size_t i) const {
  const std::size_t start = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(start, ends_[i] - start);
}

bool CsvReader::next() {
  do {
    text_.clear();
    ends_.clear();
    first_line_ = lines_read_ + 1;
    do {
      if (!take_line()) {
        if (state_ == State::in_quotes) refuse("unexpected end of data");
        return false;
      }
      for (const char c : line_bytes_) take(c);
      if (state_ != State::in_quotes) end_row(State::start_of_row);
    } while (state_ != State::start_of_row);
  } while (ends_.empty());
  return true;
}

bool CsvReader::take_line() {
  char* bytes = buffer_.release();
  errno = 0;
  const ssize_t length = getline(&bytes, &buffer_size_, file_.get());
  const int error = errno;
  buffer_.reset(bytes);
  if (length < 0) {
    if (std::feof(file_.get()) != 0) return false;
    if (error == ENOMEM) throw std::bad_alloc();
    throw cannot_use(path_, error);
  }
  line_bytes_ = {bytes, static_cast<std::size_t>(length)};
  ++lines_read_;
  if (!is_utf8(line_bytes_)) {
    throw Problem(path_ + ", line " + std::to_string(lines_read_) + ": not UTF-8 text.", "Save the table as UTF-8.");
  }
  if (lines_read_ == 1 && line_bytes_.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    line_bytes_.remove_prefix(kByteOrderMark.size());
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
      return c == ',' ? end_cell() : add(c);
    case State::in_quotes:
      if (c == '"') {
        state_ = State::after_quote;
        return;
      }
      return add(c);
    case State::after_quote:
      if (ends_line) return end_row(State::after_row);
      if (c == ',') return end_cell();
      if (c != '"') refuse("',' expected after '\"'");
      state_ = State::in_quotes;
      return add(c);
    case State::after_row:
      if (!ends_line) refuse(kLoneReturn);
  }
}

void CsvReader::add(char c) {
  const bool starts_code_point = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  if (starts_code_point && ++cell_length_ > kLongestCell) refuse("field larger than field limit (16777216)");
  text_.push_back(c);
}

void CsvReader::end_cell() {
  ends_.push_back(text_.size());
  cell_length_ = 0;
  state_ = State::start_of_cell;
}

void CsvReader::end_row(State next) {
  if (state_ != State::start_of_row && state_ != State::after_row) end_cell();
  state_ = next;
}

void CsvReader::refuse(const char* error) const {
  throw Problem(path_ + ", line " + std::to_string(first_line_) + ": not a CSV row: " + error + ".");
}

}  // namespace aetk
