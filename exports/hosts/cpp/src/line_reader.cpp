#include "line_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "files.hpp"

namespace aetk {
namespace {

constexpr std::size_t kBlock = 1u << 16;

int open_table(const std::string& path) {
  if (path == kStandard && input_is_closed()) {
    throw Problem("Standard input is closed.", "Name a file, or send a table through a pipe.");
  }
  if (path == kStandard) return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw errno == ENOENT ? Problem("No such file: " + path + ".", "Check the path, and the folder that it starts from.") : cannot_use(path, errno);
  return file;
}

}  // namespace

LineReader::LineReader(const std::string& path, TableFormat::Charset charset)
    : path_(titled(path, "standard input")),
      file_(open_table(path)),
      charset_(charset),
      decoder_(charset),
      block_(kBlock) {
  if (file_ < 0) throw cannot_use(path_, errno);
}

LineReader::~LineReader() { close(file_); }

bool LineReader::next(std::string& line, std::size_t most) {
  line.clear();
  while (line.size() < most && (line.empty() || line.back() != '\n')) {
    if (left_.empty() && !fill()) break;
    const std::string_view room = left_.substr(0, most - line.size());
    const std::size_t taken = std::min(room.find('\n'), room.size() - 1) + 1;
    line += room.substr(0, taken);
    left_.remove_prefix(taken);
  }
  return !line.empty();
}

/// Reads the next block; false at the end.
bool LineReader::fill() {
  ssize_t got;
  do {
    got = read(file_, block_.data(), block_.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw errno == EISDIR ? Problem(path_ + " is a folder; expected a CSV file.") : cannot_use(path_, errno);
  left_ = {block_.data(), static_cast<std::size_t>(got)};
  if (charset_ != TableFormat::Charset::utf8) {
    decoded_.clear();
    got > 0 ? decoder_.append(decoded_, left_) : decoder_.finish(decoded_);
    left_ = decoded_;
    // one byte may be half of a character
    return !left_.empty() || (got > 0 && fill());
  }
  return got > 0;
}

}  // namespace aetk
