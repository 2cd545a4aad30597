#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "decoder.hpp"

namespace aetk {

/// The lines of a file one by one, in UTF-8, of which no more than asked for is held.
class LineReader {
 public:
  /// Opens a file, or standard input for `-`. Throws Problem where it cannot be opened.
  explicit LineReader(const std::string& path, TableFormat::Charset charset = TableFormat::Charset::utf8);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// Puts the next line into `line`, its end included, or of a longer one its first `most` bytes; false at the end.
  bool next(std::string& line, std::size_t most);

  /// What messages call it.
  const std::string& path() const { return path_; }

 private:
  bool fill();

  std::string path_;
  int file_;
  TableFormat::Charset charset_;
  Decoder decoder_;
  std::vector<char> block_;
  std::string decoded_;    // the block, if it is not in UTF-8
  std::string_view left_;  // of either
};

}  // namespace aetk
