#include <cstdio>
#include <stdexcept>

#include "checks.hpp"
#include "problem.hpp"

namespace {

int failed = 0, passed = 0;

}  // namespace

void test(const std::string& name, const std::function<void()>& body) {
  try {
    body();
    ++passed;
  } catch (const std::exception& error) {
    ++failed;
    std::printf("FAILED %s: %s\n", name.c_str(), error.what());
  }
}

void check(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void check_problem(int exit_code, const std::string& words, const std::function<void()>& body) {
  try {
    body();
  } catch (const aetk::Problem& problem) {
    check(problem.exit_code() == exit_code, "exit code " + std::to_string(problem.exit_code()));
    check(std::string(problem.what()).find(words) != std::string::npos, problem.what());
    return;
  }
  throw std::runtime_error("nothing was refused");
}

int main() {
  test_files();
  test_tables();
  test_detector();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
