#include "table.hpp"

#include <algorithm>
#include <limits>

#include "aetk/problem.hpp"
#include "number.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kBatchRows = 4096, kBatchBytes = 1u << 22;
constexpr std::size_t kNamesShown = 12, kShown = 40;
constexpr const char* kNumbersLook = "Numbers look like 12, -3.5 or 1e-3; empty, NA, NaN and null are missing values.";

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

Table::Table(const std::string& path, const std::vector<std::string>& columns, const std::optional<std::string>& key)
    : reader_(path) {
  if (reader_.next()) {
    for (std::size_t i = 0; i < reader_.size(); ++i) names_.emplace_back(reader_.cell(i));
  }
  const Positions found = positions();
  for (const std::string& name : columns) wanted_.push_back(position(found, name));
  if (key) kept_ = position(found, *key);
}

/// Where each column of the header stands.
Table::Positions Table::positions() const {
  const std::string& path = reader_.path();
  if (names_.size() == 1 && names_[0].find_first_of(";\t") != std::string::npos) {
    throw Problem(path + ": the header is one column, '" + std::string(first_code_points(names_[0], kShown)) +
                      "'; expected commas between columns.",
                  "Save the table with commas, as UTF-8.");
  }
  if (names_.empty()) throw Problem(path + " is empty; expected a header line with column names.", "Write the column names into its first line.");
  Positions found;
  for (const std::string& name : names_) {
    if (name.empty()) {
      throw Problem(path + ": column " + std::to_string(found.size() + 1) + " has no name.",
                    "Give every column a name of its own.");
    }
    if (!found.emplace(name, found.size()).second) {
      throw Problem(path + ": two columns are called '" + name + "'.", "Rename or remove one of them.");
    }
  }
  return found;
}

std::size_t Table::position(const Positions& positions, const std::string& name) const {
  const auto found = positions.find(name);
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
  while (batch.rows < kBatchRows && bytes < kBatchBytes && reader_.next()) {
    bytes += reader_.bytes();
    if (reader_.size() != names_.size()) {
      throw Problem(reader_.path() + ", line " + std::to_string(reader_.line()) + ": found " +
                    std::to_string(reader_.size()) + " cells, expected " + std::to_string(names_.size()) +
                        " as in the header.",
                    kQuoting);
    }
    for (const std::size_t column : wanted_) batch.values.push_back(number(column));
    if (kept_) batch.keys.emplace_back(reader_.cell(*kept_));
    ++batch.rows;
  }
  return batch.rows > 0;
}

float Table::number(std::size_t column) const {
  static_assert(std::numeric_limits<float>::is_iec559, "a value beyond float32 must become infinite");
  if (const auto value = parse_cell(reader_.cell(column))) return static_cast<float>(*value);
  throw Problem(reader_.path() + ", line " + std::to_string(reader_.line()) + ", column '" + names_[column] +
                    "': found '" + shown(reader_.cell(column)) + "', expected a number.",
                kNumbersLook);
}

}  // namespace aetk
