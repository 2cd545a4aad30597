#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace aetk {

std::string tidy_path(std::string_view path) {
  // POSIX leaves it to the system what exactly two slashes in front mean
  const std::size_t slashes = std::min(path.find_first_not_of('/'), path.size());
  const std::string root(slashes == 2 ? "//" : slashes > 0 ? "/" : "");
  std::string tidy;
  for (std::size_t start = slashes; start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (!part.empty() && part != ".") tidy.append(tidy.empty() ? "" : "/").append(part);
    start = end + 1;
  }
  return root.empty() && tidy.empty() ? "." : root + tidy;
}

bool same_file(const std::string& one, const std::string& other) {
  struct stat a, b;
  return stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Problem cannot_use(const std::string& path, int error) {
  const bool environment = error == EIO || error == ENOSPC || error == EDQUOT;
  return Problem("Cannot use " + path + ": " + std::strerror(error) + ".", "", environment ? 3 : 2);
}

std::string read_file(const std::string& path, std::size_t most, const std::string& missing,
                      const std::string& folder) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw errno == ENOENT ? Problem(missing) : cannot_use(path, errno);
  std::string bytes;
  char block[1 << 16];
  ssize_t got;
  while ((got = read(file, block, std::min(sizeof block, most - bytes.size()))) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) bytes.append(block, static_cast<std::size_t>(got));
  }
  const int error = got < 0 ? errno : 0;
  close(file);
  if (error != 0) throw error == EISDIR ? Problem(folder) : cannot_use(path, error);
  return bytes;
}

}  // namespace aetk
