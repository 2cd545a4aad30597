#pragma once

#include <exception>
#include <string>
#include <utility>

namespace aetk {

/// What stands in the way: what was found and expected, what to do about it, and the exit code to end with:
/// 1 a check failed, 2 wrong usage or bad input, 3 the environment cannot do it.
class Problem : public std::exception {
 public:
  explicit Problem(std::string message, std::string hint = "", int exit_code = 2)
      : message_(std::move(message)), hint_(std::move(hint)), exit_code_(exit_code) {}

  /// The message up to its first NUL, of which a table's column name may have one.
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const noexcept { return message_; }
  const std::string& hint() const noexcept { return hint_; }
  int exit_code() const noexcept { return exit_code_; }

 private:
  std::string message_;
  std::string hint_;
  int exit_code_;
};

}  // namespace aetk
