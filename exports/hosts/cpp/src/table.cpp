#include "table.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "cells.hpp"
#include "utf8.hpp"

namespace aetk {
namespace {

constexpr std::size_t kBatch = 4096;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::size_t kNamesShown = 12, kCharactersShown = 40;

std::string beginning(std::string_view text, std::size_t characters) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < characters && end < text.size(); ++i) end += first_character(text.substr(end)).bytes;
  return std::string(text.substr(0, end));
}

}  // namespace

TableReader::TableReader(std::string path, std::vector<std::string> columns, std::optional<std::string> key,
                         std::function<void(const Batch&)> take)
    : path_(std::move(path)),
      columns_(std::move(columns)),
      key_(std::move(key)),
      take_(std::move(take)),
      lines_(path_, [this](std::size_t line, const Cells& cells) { take_row(line, cells); }) {}

void TableReader::end() {
  lines_.end();
  if (names_.empty()) read_header({});
  flush();
}

void TableReader::take_row(std::size_t line, const Cells& cells) {
  if (names_.empty()) {
    read_header(cells);
    return;
  }
  if (cells.size() != names_.size()) {
    throw Problem(path_ + ", line " + std::to_string(line) + ": found " + std::to_string(cells.size()) + " cells, expected " +
                  std::to_string(names_.size()) + " as in the header.");
  }
  for (const std::size_t i : wanted_) {
    const auto value = parse_cell(cells[i]);
    if (!value) {
      throw Problem(path_ + ", line " + std::to_string(line) + ", column '" + names_[i] + "': found '" + show_cell(cells[i]) +
                        "', expected a number.",
                    "Numbers look like 12, -3.5 or 1e-3; empty, NA, NaN and null are missing values.");
    }
    batch_.values.push_back(static_cast<float>(*value));
  }
  if (key_) batch_.keys.push_back(cells[kept_]);
  if (++batch_.rows == kBatch) flush();
}

void TableReader::read_header(const Cells& names) {
  if (names.size() == 1 && names[0].find_first_of(";\t") != std::string::npos) {
    throw Problem(path_ + ": the header is one column, '" + beginning(names[0], kCharactersShown) +
                  "'; expected commas between columns.");
  }
  if (names.empty()) throw Problem(path_ + " is empty; expected a header line with column names.");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) {
      throw Problem(path_ + ": column " + std::to_string(i + 1) + " has no name.", "Give it one in the header line.");
    }
    if (!seen.insert(names[i]).second) {
      throw Problem(path_ + ": two columns are called '" + names[i] + "'.", "Rename or remove one of them.");
    }
  }
  names_ = names;
  for (const std::string& name : columns_) wanted_.push_back(position(name));
  if (key_) kept_ = position(*key_);
}

std::size_t TableReader::position(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
  std::string shown;
  for (std::size_t i = 0; i < std::min(names_.size(), kNamesShown); ++i) shown += (i > 0 ? ", " : "") + names_[i];
  throw Problem(path_ + " has no column '" + name + "'.", "It has: " + shown + (names_.size() > kNamesShown ? ", ..." : ""));
}

void TableReader::flush() {
  if (batch_.rows > 0) take_(batch_);
  batch_ = {};
}

void read_table(const std::string& path, const std::vector<std::string>& columns, const std::optional<std::string>& key,
                const std::function<void(const Batch&)>& take) {
  if (std::filesystem::is_directory(path)) throw Problem(path + " is a folder; expected a CSV file.");
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    if (!std::filesystem::exists(path)) throw Problem("No such file: " + path + ".");
    throw Problem("Cannot use " + path + ": it cannot be read.");
  }
  TableReader reader(path, columns, key, take);
  std::string piece(kPieceBytes, '\0');
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    reader.push({piece.data(), static_cast<std::size_t>(file.gcount())});
  }
  if (file.bad()) throw Problem("Cannot use " + path + ": reading it failed.");
  reader.end();
}

}  // namespace aetk
