#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <regex>
#include <system_error>

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

// what can only be written to is no input
void hold_closed_input() {
  if (fcntl(STDIN_FILENO, F_GETFD) < 0) open("/dev/null", O_WRONLY);
}

bool input_is_closed() {
  const int mode = fcntl(STDIN_FILENO, F_GETFL);
  return mode < 0 || (mode & O_ACCMODE) == O_WRONLY;
}

bool same_file(const std::string& one, const std::string& other) {
  struct stat a, b;
  return stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 && S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

namespace {

namespace fs = std::filesystem;

/// A process, and one of its descriptors; no process for a file by its own name.
struct OpenFile {
  std::string owner;
  int descriptor = -1;
};

/// This process, as /proc calls it.
std::string self() {
  std::error_code error;
  const fs::path link = fs::read_symlink("/proc/self", error);
  return error ? std::to_string(getpid()) : link.string();
}

/// The owner of a folder of open files, "" for any other folder.
std::string owner_of(const std::string& folder) {
  static const std::regex kOpenFiles("/proc/([0-9]+)(/task/[0-9]+)?/fd");
  std::smatch match;
  if (folder == "/dev/fd") return self();
  return std::regex_match(folder, match, kOpenFiles) ? match[1].str() : "";
}

/// What a path names, by whatever links.
OpenFile open_file(const std::string& path) {
  if (path == kStandard) return {self(), 1};
  std::error_code error;
  fs::path here = fs::absolute(path, error);
  for (int links = 0; links < 40 && !error; ++links) {
    const fs::path folder = fs::canonical(here.parent_path(), error);
    if (error) break;
    const std::string owner = owner_of(folder.string()), name = here.filename().string();
    const bool is_number = !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == name.npos;
    if (!owner.empty() && is_number) return {owner, std::stoi(name)};
    here = folder / fs::read_symlink(folder / name, error);
  }
  return {};
}

}  // namespace

int own_descriptor(const std::string& path) {
  const OpenFile file = open_file(path);
  return file.owner == self() ? file.descriptor : -1;
}

bool is_stream(const std::string& path) {
  if (!open_file(path).owner.empty()) return true;
  struct stat status;
  return stat(path.c_str(), &status) == 0 &&
         (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || S_ISSOCK(status.st_mode));
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
