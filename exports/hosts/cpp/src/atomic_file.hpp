#pragma once

#include <string>
#include <string_view>

namespace aetk {

/// Makes SIGINT and SIGTERM remove the temporary file that is being written, and end the process with exit code 130 or
/// 143. A file that grows too large is an error, and no signal.
void clean_up_on_signals();

/// The reader of a stream went away.
struct ReaderLeft {};

/// A file that appears, or replaces another, when it is complete: until then it has a temporary name in its folder.
/// A stream (see `is_stream`) is written to as it is. One at a time.
class AtomicFile {
 public:
  /// Throws Problem where it cannot be written to.
  explicit AtomicFile(std::string path);
  /// Removes what was written, unless it was kept.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws Problem, with exit code 3 where the disk is full, and ReaderLeft.
  void write(std::string_view bytes);
  /// Syncs it to disk and gives it its name.
  void keep();

 private:
  [[noreturn]] void fail() const;

  std::string path_, name_;  // the file that is meant, and what messages call it
  bool is_stream_;
  int file_;
};

}  // namespace aetk
