#include "table.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "aetk/problem.hpp"
#include "decoder.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kBatchRows = 4096, kBatchBytes = 1u << 22;
constexpr std::size_t kNamesShown = 12, kShown = 40;

/// Whether a code point shows as nothing, as a space, or as a command to the terminal.
bool is_unprinted(std::uint32_t c) {
  return c <= 0x1f || (c >= 0x7f && c <= 0xa0) || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
         (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb);
}

/// A cell as a message shows it.
std::string shown(std::string_view cell) {
  const bool fits = count_code_points(cell) <= kShown;
  std::string_view rest = fits ? cell : first_code_points(cell, kShown - 3);
  std::string text;
  while (!rest.empty()) {
    const std::uint32_t code_point = take_code_point(rest);
    if (is_unprinted(code_point)) {
      append_escaped(text, code_point);
    } else {
      append_code_point(text, code_point);
    }
  }
  return fits ? text : text + "...";
}

}  // namespace

Table::Table(const std::string& path, const Reading& reading, const std::optional<std::string>& key)
    : format_(reading.format), reader_(path, reading.format) {
  read_names();
  const Positions found = positions();
  for (const Encoding& feature : reading.features) {
    wanted_.push_back({position(found, feature.column), CellParser(feature, format_)});
  }
  if (key) kept_ = position(found, *key);
}

/// Reads all rows that come before the values.
void Table::read_names() {
  std::size_t units = format_.units_rows;
  if (!format_.header.empty() && !reader_.find_header(row_)) {
    throw Problem(reader_.path() + " has no line that begins with '" + shown(format_.header) +
                      "', which the column names come after.",
                  "Is it such a table?");
  }
  const bool is_found = !format_.header.empty() || reader_.next(row_);
  for (std::size_t i = 0; is_found && i < row_.size(); ++i) {
    names_.push_back(format_.has_header ? std::string(row_.cell(i)) : "c" + std::to_string(i + 1));
  }
  if (!format_.is_strict && names_.size() > 1 && names_.back().empty()) names_.pop_back();
  if (is_found && !format_.has_header && units == 0) held_.push_back(row_);
  if (is_found && !format_.has_header && units > 0) --units;
  while (units > 0 && reader_.next(row_)) --units;
}

/// Where each column of the header stands.
Table::Positions Table::positions() const {
  const std::string& path = reader_.path();
  if (names_.size() == 1 && is_other_format(names_[0])) {
    throw Problem(path + ": the header is one column, '" + std::string(first_code_points(names_[0], kShown)) +
                      "'; expected " + called_many(format_.delimiter) + " between columns.",
                  format_.is_strict ? "Save the table with commas, as UTF-8."
                                    : "Save the table as the one that the model was trained on.");
  }
  if (names_.empty() && !format_.has_header) {
    throw Problem(path + " is empty; expected rows of values.", "Name a table with rows.");
  }
  if (names_.empty()) throw Problem(path + " is empty; expected a header line with column names.", "Write the column names into its first line.");
  Positions found;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const std::string& name = names_[i];
    if (format_.is_strict && name.empty()) {
      throw Problem(path + ": column " + std::to_string(i + 1) + " has no name.",
                    "Give every column a name of its own.");
    }
    const bool is_new = found.emplace(name, i).second;  // in other formats, the first of several counts
    if (format_.is_strict && !is_new) {
      throw Problem(path + ": two columns are called '" + name + "'.", "Rename or remove one of them.");
    }
  }
  return found;
}

/// Whether the only name of a header shows that other signs separate its columns.
bool Table::is_other_format(const std::string& name) const {
  if (format_.is_strict) return name.find_first_of(";\t") != std::string::npos;
  return format_.has_header && name.find_first_of(",;\t|") != std::string::npos;
}

std::size_t Table::position(const Positions& positions, const std::string& name) const {
  const auto found = positions.find(format_.is_strict ? std::string_view(name) : strip(name));
  if (found != positions.end()) return found->second;
  std::string first;
  for (std::size_t i = 0; i < std::min(names_.size(), kNamesShown); ++i) first += (i == 0 ? "" : ", ") + names_[i];
  if (names_.size() > kNamesShown) first += ", ...";
  throw Problem(reader_.path() + " has no column '" + name + "'.", "It has: " + first);
}

bool Table::read(Batch& batch) {
  batch.rows = 0;
  batch.values.clear();
  batch.keys.clear();
  std::size_t bytes = 0;
  while (batch.rows < kBatchRows && bytes < kBatchBytes && next_row()) {
    bytes += row_.bytes();
    check_size();
    for (const Wanted& wanted : wanted_) batch.values.push_back(value(wanted));
    if (kept_) batch.keys.emplace_back(row_.cell(*kept_));
    ++batch.rows;
  }
  return batch.rows > 0;
}

/// Goes to the next row that is no footer; false if there is none.
bool Table::next_row() {
  if (format_.skip_footer == 0 && held_.empty()) return reader_.next(row_);
  while (held_.size() <= format_.skip_footer) {
    if (!reader_.next(row_)) return false;
    held_.push_back(std::move(row_));
  }
  row_ = std::move(held_.front());
  held_.pop_front();
  return true;
}

void Table::check_size() const {
  const std::size_t found = row_.size(), expected = names_.size();
  const bool may_be_longer = !format_.is_strict && found == expected + 1;
  if (found == expected || (may_be_longer && row_.cell(expected).empty())) return;
  throw Problem(reader_.path() + ", line " + std::to_string(row_.line()) + ": found " + std::to_string(found) +
                    " cells, expected " + std::to_string(expected) + " as in the " +
                    (format_.has_header ? "header." : "first row."),
                reader_.hint());
}

float Table::value(const Wanted& wanted) const {
  static_assert(std::numeric_limits<float>::is_iec559, "a value beyond float32 must become infinite");
  const std::string_view cell = row_.cell(wanted.column);
  if (const auto value = wanted.parser(cell)) return static_cast<float>(*value);
  throw Problem(reader_.path() + ", line " + std::to_string(row_.line()) + ", column '" + names_[wanted.column] +
                    "': found '" + shown(cell) + "', expected " + wanted.parser.expected() + ".",
                wanted.parser.hint());
}

}  // namespace aetk
