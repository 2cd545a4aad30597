#include "scoretable.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "cells.hpp"
#include "table.hpp"

namespace aetk {
namespace {

constexpr std::array<std::string_view, 3> kVerdicts = {"similarity", "is_anomaly", "is_valid"};
constexpr std::string_view kShare = "contribution:";

Problem cannot_write(const std::string& path) {
  const int code = errno;
  const bool disk = code == ENOSPC || code == EDQUOT || code == EIO;
  return Problem("Cannot write " + path + ": " + std::strerror(code) + ".", disk ? "Free some space." : "", disk ? 3 : 2);
}

/// A file that is written under a temporary name beside it, and renamed when it is complete; else nothing is left of it.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path) : path_(std::move(path)) {
    const std::filesystem::path target = path_;
    temporary_ = (target.parent_path() / ("." + target.filename().string() + "." + std::to_string(getpid()) + ".tmp")).string();
    file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ < 0) throw cannot_write(path_);
    doomed = temporary_.c_str();
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  ~AtomicFile() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    doomed = nullptr;
    if (file_ >= 0) close(file_);
    if (!complete_) unlink(temporary_.c_str());
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw cannot_write(path_);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void finish() {
    if (fsync(file_) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) throw cannot_write(path_);
    complete_ = true;
  }

 private:
  static void stop(int signal) {
    if (doomed != nullptr) unlink(doomed);
    _exit(128 + signal);
  }

  static inline const char* volatile doomed = nullptr;

  std::string path_, temporary_;
  int file_ = -1;
  bool complete_ = false;
};

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

std::string header(const Detector& detector, const std::optional<std::string>& key, bool explains) {
  std::string line = quoted(key.value_or("row"));
  for (const std::string_view name : kVerdicts) line += "," + std::string(name);
  if (explains) {
    for (const std::string& name : detector.features()) line += "," + quoted(std::string(kShare) + name);
  }
  return line + "\n";
}

std::string lines(const Batch& batch, const Scores& scores, std::size_t first) {
  const std::size_t width = scores.contribution.size() / batch.rows;
  std::string text;
  for (std::size_t i = 0; i < batch.rows; ++i) {
    text += batch.keys.empty() ? std::to_string(first + i) : quoted(batch.keys[i]);
    text += "," + format_float(scores.similarity[i]);
    text += scores.is_anomaly[i] != 0 ? ",1" : ",0";
    text += scores.is_valid[i] != 0 ? ",1" : ",0";
    for (std::size_t j = 0; j < width; ++j) text += "," + format_float(scores.contribution[i * width + j]);
    text += "\n";
  }
  return text;
}

void check_names(const Detector& detector, const std::string& data, const std::string& out, const std::optional<std::string>& key) {
  for (const std::string& path : {data, detector.path()}) {
    std::error_code error;
    if (std::filesystem::equivalent(path, out, error)) {
      throw Problem(out + " would be overwritten; it is read here.", "Name another file with --out.");
    }
  }
  const bool is_verdict = key && std::find(kVerdicts.begin(), kVerdicts.end(), *key) != kVerdicts.end();
  if (is_verdict || (key && key->compare(0, kShare.size(), kShare) == 0)) {
    throw Problem("--id " + *key + " is the name of a column that is written; rename it in " + data + ".");
  }
}

}  // namespace

Counts score_table(const Detector& detector, const std::string& data, const std::string& out,
                   const std::optional<std::string>& key) {
  check_names(detector, data, out, key);
  Counts counts;
  AtomicFile file(out);
  read_table(data, detector.features(), key, [&](const Batch& batch) {
    const Scores scores = detector.score(batch.values.data(), batch.rows);
    if (counts.rows == 0) file.write(header(detector, key, !scores.contribution.empty()));
    file.write(lines(batch, scores, counts.rows + 1));
    counts.rows += batch.rows;
    counts.anomalies += static_cast<std::size_t>(std::count(scores.is_anomaly.begin(), scores.is_anomaly.end(), 1));
    counts.invalid += static_cast<std::size_t>(std::count(scores.is_valid.begin(), scores.is_valid.end(), 0));
  });
  if (counts.rows == 0) throw Problem(data + " has a header and no rows.");
  file.finish();
  return counts;
}

}  // namespace aetk
