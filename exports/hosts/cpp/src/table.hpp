#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cells.hpp"
#include "csv.hpp"
#include "reading.hpp"

namespace aetk {

/// Consecutive rows of a table.
struct Batch {
  std::size_t rows = 0;
  std::vector<float> values;      ///< [rows, features]
  std::vector<std::string> keys;  ///< [rows], the cells of one more column; empty if not asked for
};

/// A text file in the format of a card, of which some columns, found by name, become a model's features.
class Table {
 public:
  /// Reads the header; `key` is a column to carry along as text. Throws Problem for what is not such a table.
  Table(const std::string& path, const Reading& reading, const std::optional<std::string>& key);

  /// Reads up to 4,096 more rows, fewer where they are long; false at the end. Throws Problem at the first cell that
  /// cannot be read.
  bool read(Batch& batch);

 private:
  using Positions = std::map<std::string_view, std::size_t>;
  /// A feature, and where its column stands.
  struct Wanted {
    std::size_t column;
    CellParser parser;
  };

  void read_names();
  Positions positions() const;
  bool is_other_format(const std::string& name) const;
  std::size_t position(const Positions& positions, const std::string& name) const;
  bool next_row();
  void check_size() const;
  float value(const Wanted& wanted) const;

  TableFormat format_;
  CsvReader reader_;
  std::vector<std::string> names_;
  std::vector<Wanted> wanted_;
  std::optional<std::size_t> kept_;
  Row row_;
  std::deque<Row> held_;  // the next rows, of which the last may be a footer
};

}  // namespace aetk
