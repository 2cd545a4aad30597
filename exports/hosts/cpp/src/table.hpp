#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "csv.hpp"

namespace aetk {

/// Consecutive rows of a table.
struct Batch {
  std::size_t rows = 0;
  std::vector<float> values;      ///< [rows, columns]
  std::vector<std::string> keys;  ///< [rows], the cells of one more column; empty if not asked for
};

/// A CSV file with a header, of which some columns, found by name, are numbers.
class Table {
 public:
  /// Reads the header; `key` is a column to carry along as text. Throws Problem for what is not such a table.
  Table(const std::string& path, const std::vector<std::string>& columns, const std::optional<std::string>& key);

  /// Reads up to 4,096 more rows, fewer where they are long; false at the end. Throws Problem at the first cell that is
  /// no number.
  bool read(Batch& batch);

 private:
  using Positions = std::map<std::string_view, std::size_t>;

  Positions positions() const;
  std::size_t position(const Positions& positions, const std::string& name) const;
  float number(std::size_t column) const;

  CsvReader reader_;
  std::vector<std::string> names_;
  std::vector<std::size_t> wanted_;
  std::optional<std::size_t> kept_;
};

}  // namespace aetk
