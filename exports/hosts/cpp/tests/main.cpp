#include <cstring>

#include "check.hpp"

int main(int count, char** words) {
  const struct {
    const char* name;
    void (*run)();
  } groups[] = {
      {"formats", test_formats}, {"tables", test_tables}, {"reading", test_reading}, {"golden", test_golden}, {"scoring", test_scoring}};
  try {
    for (const auto& group : groups) {
      if (count < 2 || std::strcmp(words[1], group.name) == 0) group.run();
    }
  } catch (const aetk::Problem& problem) {
    check(false, problem.message() + "\n  " + problem.hint());
  }
  return failures == 0 ? 0 : 1;
}
