#pragma once

#include <functional>
#include <string>

/// Runs a test and reports what it throws; `main` ends with 1 if any failed.
void test(const std::string& name, const std::function<void()>& body);

/// Throws where something that should hold does not.
void check(bool holds, const std::string& what);

/// Throws where `body` does not throw an aetk::Problem of this exit code whose message contains `words`.
void check_problem(int exit_code, const std::string& words, const std::function<void()>& body);

void test_files();
void test_tables();
void test_detector();
