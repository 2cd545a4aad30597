#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace aetk {

/// What stands in the way: what was found and expected, what to do about it, and the exit code to end with.
class Problem : public std::runtime_error {
 public:
  explicit Problem(const std::string& message, std::string hint = "", int exit_code = 2)
      : std::runtime_error(message), hint_(std::move(hint)), exit_code_(exit_code) {}

  const std::string& hint() const { return hint_; }
  int exit_code() const { return exit_code_; }

 private:
  std::string hint_;
  int exit_code_;
};

}  // namespace aetk
