#include "atomic_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#include "files.hpp"

namespace aetk {
namespace {

// A signal's handler may read no std::string. The name stands here before the file exists, and the main thread, which
// opens it, is the one that the kernel prefers for handling signals: no file is created unnoticed between the two.
char temporary[PATH_MAX];
volatile std::sig_atomic_t has_temporary = 0;

void remove_and_exit(int signal) {
  if (has_temporary != 0) unlink(temporary);
  _exit(128 + signal);
}

std::string random_letters() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device device;
  std::uniform_int_distribution<std::size_t> any(0, kLetters.size() - 1);
  std::string letters;
  for (int i = 0; i < 8; ++i) letters.push_back(kLetters[any(device)]);
  return letters;
}

/// Creates a file of a new name beside `path`; returns its descriptor, or -1 with errno.
int create_beside(const std::string& path) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::filesystem::path name(path);
    name.replace_filename(".aetk-" + random_letters());  // short: a name may be as long as the file system takes
    if (name.native().size() >= sizeof temporary) {
      errno = ENAMETOOLONG;
      return -1;
    }
    std::strcpy(temporary, name.c_str());
    has_temporary = 1;
    const int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) return file;
    has_temporary = 0;
    if (errno != EEXIST) return -1;
  }
  return -1;
}

/// Opens a stream as it is, to append: there are open files of other processes; returns its descriptor, or -1.
int open_stream(const std::string& path) {
  const int own = own_descriptor(path);
  return own >= 0 ? fcntl(own, F_DUPFD_CLOEXEC, 0) : open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
}

/// The file that a path leads to by links; itself where there is none.
std::string followed(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

void clean_up_on_signals() {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of write
  std::signal(SIGPIPE, SIG_IGN);  // so is a reader that went away
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    // who starts a program in the background may have it ignore the keyboard
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
    action.sa_handler = remove_and_exit;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
}

AtomicFile::AtomicFile(std::string path)
    : path_(followed(path)),
      name_(titled(path, "standard output")),
      is_stream_(is_stream(path)),
      file_(is_stream_ ? open_stream(path) : create_beside(path_)) {
  if (file_ < 0) fail();
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) close(file_);
  if (has_temporary != 0) unlink(temporary);
  has_temporary = 0;
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EPIPE) throw ReaderLeft{};
    if (written < 0 && errno == EAGAIN) {  // another program made it one that does not wait
      struct pollfd ready {file_, POLLOUT, 0};
      poll(&ready, 1, -1);
      continue;
    }
    if (written < 0 && errno != EINTR) fail();
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::keep() {
  if (is_stream_) {
    if (close(std::exchange(file_, -1)) != 0) fail();
    return;
  }
  if (fsync(file_) != 0 || close(std::exchange(file_, -1)) != 0) fail();
  if (std::rename(temporary, path_.c_str()) != 0) fail();
  has_temporary = 0;
}

void AtomicFile::fail() const { throw cannot_use(name_, errno); }

}  // namespace aetk
