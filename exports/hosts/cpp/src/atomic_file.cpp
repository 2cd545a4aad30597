#include "atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
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
    name.replace_filename("." + name.filename().string() + "." + random_letters());
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

}  // namespace

void clean_up_on_signals() {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of write
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    // who starts a program in the background may have it ignore the keyboard
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
    action.sa_handler = remove_and_exit;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), file_(create_beside(path_)) {
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
    if (written < 0 && errno != EINTR) fail();
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::keep() {
  if (fsync(file_) != 0 || close(std::exchange(file_, -1)) != 0) fail();
  if (std::rename(temporary, path_.c_str()) != 0) fail();
  has_temporary = 0;
}

void AtomicFile::fail() const { throw cannot_use(path_, errno); }

}  // namespace aetk
