#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lines.hpp"

namespace aetk {

/// Consecutive rows of a table.
struct Batch {
  std::vector<float> values;      // [rows, columns], row by row; NaN where missing, infinite beyond float32
  std::size_t rows = 0;
  std::vector<std::string> keys;  // the cells of the column that is carried along; none if none is
};

/// Reads a CSV file (UTF-8, a header) and finds its columns by name.
class TableReader {
 public:
  /// `columns` are read as numbers, `key` is a column to carry along; `take` gets some thousand rows at a time.
  TableReader(std::string path, std::vector<std::string> columns, std::optional<std::string> key,
              std::function<void(const Batch&)> take);

  /// Takes the next bytes of the file.
  void push(std::string_view bytes) { lines_.push(bytes); }

  /// Takes the end of the file.
  void end();

 private:
  void take_row(std::size_t line, const Cells& cells);
  void read_header(const Cells& names);
  std::size_t position(const std::string& name) const;
  void flush();

  std::string path_;
  std::vector<std::string> columns_;
  std::optional<std::string> key_;
  std::function<void(const Batch&)> take_;
  LineReader lines_;
  Cells names_;
  std::vector<std::size_t> wanted_;
  std::size_t kept_ = 0;
  Batch batch_;
};

/// Reads a whole file through a TableReader. Throws Problem where it is missing, a folder or at fault.
void read_table(const std::string& path, const std::vector<std::string>& columns, const std::optional<std::string>& key,
                const std::function<void(const Batch&)>& take);

}  // namespace aetk
