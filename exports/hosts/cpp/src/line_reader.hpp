#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aetk {

/// The lines of a file one by one, of which no more than asked for is held.
class LineReader {
 public:
  /// Opens a file, or standard input for `-`. Throws Problem where it cannot be opened.
  explicit LineReader(const std::string& path);
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
  std::vector<char> block_;
  std::string_view left_;  // of the block
};

}  // namespace aetk
