#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "aetk/problem.hpp"
#include "files.hpp"
#include "protobuf.hpp"

/// Counts what does not hold, and says where.
inline int failures = 0;

inline void check(bool holds, const std::string& what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s\n", what.c_str());
}

/// The model of the app, whichever it is.
inline const std::string kModel = SOURCE_FOLDER "/model/detector.onnx";

inline std::string variable_or(const char* variable, const char* path) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : path;
}

/// The model and the tables of aetk's repository, which a copy of this folder lacks: the tests that need them are
/// skipped there, unless the variables name them.
inline const std::string kReference = variable_or("AETK_REFERENCE", SOURCE_FOLDER "/../../reference/breast-cancer.onnx");
inline const std::string kAwkward = variable_or("AETK_AWKWARD", SOURCE_FOLDER "/../../../tests/tables/awkward.json");
inline const std::string kFormats = variable_or("AETK_FORMATS", SOURCE_FOLDER "/../../../tests/tables/formats.json");

inline bool skipped_without(const std::string& path, const char* what) {
  if (std::filesystem::exists(path)) return false;
  std::printf("skipped: %s, for want of %s\n", what, path.c_str());
  return true;
}

/// The exit code of the Problem that a call throws; 0 if it throws none. `message` takes its words.
template <typename Call>
int problem_of(Call call, std::string* message = nullptr) {
  try {
    call();
    return 0;
  } catch (const aetk::Problem& problem) {
    if (message != nullptr) *message = problem.message();
    return problem.exit_code();
  }
}

inline std::string whole_file(const std::string& path) {
  return aetk::read_file(path, std::string().max_size(), "No such file: " + path + ".", path + " is a folder.");
}

inline std::vector<aetk::Field> all_fields(std::string_view message) {
  std::vector<aetk::Field> fields;
  aetk::FieldReader reader(message);
  while (const auto field = reader.next()) fields.push_back(*field);
  return fields;
}

/// An empty folder that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "detector-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string at(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(at(name), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return at(name);
  }
  std::size_t size() const {
    const std::filesystem::directory_iterator entries(path_);
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

 private:
  std::filesystem::path path_;
};

void test_formats();
void test_tables();
void test_reading();
void test_golden();
void test_scoring();
