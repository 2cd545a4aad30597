#include "lines.hpp"

#include <algorithm>

#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kLongestCell = std::size_t{1} << 24;  // characters
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kGoesOn = std::string_view::npos;

}  // namespace

void LineReader::push(std::string_view bytes) {
  for (std::size_t newline; (newline = bytes.find('\n')) != std::string_view::npos; bytes.remove_prefix(newline + 1)) {
    if (pending_.empty()) {
      read_line(bytes.substr(0, newline));
    } else {
      pending_ += bytes.substr(0, newline);
      read_line(pending_);
      pending_.clear();
    }
  }
  pending_ += bytes;
}

void LineReader::end() {
  if (!pending_.empty()) read_line(pending_);
  if (is_open_) throw fault("unexpected end of data");
}

void LineReader::read_line(std::string_view line) {
  ++line_;
  if (!is_utf8(line)) {
    throw Problem(path_ + ", line " + std::to_string(line_) + ": not UTF-8 text.", "Save the table as UTF-8.");
  }
  if (line_ == 1 && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) line.remove_prefix(kByteOrderMark.size());
  if (!is_open_) {
    row_line_ = line_;
    if (line.find_first_not_of('\r') == std::string_view::npos) return;
  }
  for (std::size_t at = 0;; ++at) {
    if (!is_open_ && at < line.size() && line[at] == '"') {
      is_open_ = true;
      open_.clear();
      ++at;
    }
    at = is_open_ ? read_quoted_cell(line, at) : read_plain_cell(line, at);
    if (at == kGoesOn) return;
    if (at < line.size() && line[at] == ',') continue;
    if (line.find_first_not_of('\r', at) != std::string_view::npos) {
      throw fault("new-line character seen in unquoted field");
    }
    break;
  }
  cells_.resize(filled_);
  filled_ = 0;
  take_(row_line_, cells_);
}

/// Where the cell ends.
std::size_t LineReader::read_plain_cell(std::string_view line, std::size_t start) {
  const std::size_t end = std::min(line.find_first_of(",\r", start), line.size());
  add(line.substr(start, end - start));
  return end;
}

/// Where the cell ends, behind its closing quote.
std::size_t LineReader::read_quoted_cell(std::string_view line, std::size_t start) {
  for (std::size_t at = start;;) {
    const std::size_t quote = line.find('"', at);
    open_ += line.substr(at, quote == kGoesOn ? kGoesOn : quote - at);
    if (quote == kGoesOn) {
      open_ += '\n';
      check_length(open_);
      return kGoesOn;
    }
    const char after = quote + 1 < line.size() ? line[quote + 1] : ',';
    if (after == '"') {
      open_ += '"';
      at = quote + 2;
      continue;
    }
    if (after != ',' && after != '\r') throw fault("',' expected after '\"'");
    add(open_);
    is_open_ = false;
    return quote + 1;
  }
}

void LineReader::add(std::string_view cell) {
  check_length(cell);
  if (filled_ == cells_.size()) cells_.emplace_back();
  cells_[filled_++] = cell;
}

void LineReader::check_length(std::string_view cell) const {
  if (cell.size() > kLongestCell && count_characters(cell) > kLongestCell) {
    throw fault("field larger than field limit (" + std::to_string(kLongestCell) + ")");
  }
}

Problem LineReader::fault(const std::string& what) const {
  return Problem(path_ + ", line " + std::to_string(row_line_) + ": not a CSV row: " + what + ".");
}

}  // namespace aetk
