#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <thread>

#include "checks.hpp"
#include "detector.hpp"
#include "forgery.hpp"
#include "scoretable.hpp"

namespace {

namespace fs = std::filesystem;
using Change = std::function<void(std::vector<float>&)>;
constexpr const char* kModel = "model/detector.onnx";

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("aetk-tests-" + std::to_string(getpid()))) { fs::create_directories(path_); }
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

void test_forgery(const Folder& folder, const std::string& what, const std::string& initializer, const Change& change) {
  const std::string path = folder / "forged.onnx";
  test(what + " is refused by the digest", [&] {
    write_file(path, forge(read_file(kModel), initializer, change, false));
    check_problem(1, "SHA-256", [&] { aetk::Detector{path}; });
  });
  test(what + " that was signed anew is betrayed by the golden rows", [&] {
    write_file(path, forge(read_file(kModel), initializer, change, true));
    check(!aetk::Detector(path).selftest().passed(), "it passed");
  });
}

std::string table(const aetk::Detector& detector, const std::vector<std::string>& first_cells) {
  std::string text;
  for (const std::string& name : detector.features()) text += (text.empty() ? "\"" : ",\"") + name + "\"";
  for (const std::string& cell : first_cells) {
    text += "\n" + cell;
    for (std::size_t i = 1; i < detector.features().size(); ++i) text += ",0";
  }
  return text;
}

}  // namespace

void test_detector() {
  const Folder folder;
  const aetk::Detector detector(kModel);
  const std::size_t width = detector.features().size();

  test("the golden rows hold on this machine", [&] {
    const aetk::Selftest found = detector.selftest();
    check(found.passed() && found.rows >= 20 && found.largest_difference <= found.tolerance, "they do not");
    check(found.microseconds > 0 && found.runtime.find("onnxruntime 1.") == 0, found.runtime);
  });

  test_forgery(folder, "a changed weight", "networks.0.0.weight", [](std::vector<float>& values) { values[0] += 0.05f; });
  test_forgery(folder, "a moved threshold", "threshold", [](std::vector<float>& values) { values[0] -= 2e-4f; });
  test_forgery(folder, "swapped columns", "scale.weight", [&](std::vector<float>& values) {
    const auto row = static_cast<std::ptrdiff_t>(values.size() / width);
    std::swap_ranges(values.begin(), values.begin() + row, values.begin() + row);
  });

  test("a stale copy of the card is refused", [&] {
    write_file(folder / "stale.onnx", read_file(kModel));
    write_file(folder / "stale.card.json", "{}");
    check_problem(1, "not the card that is inside stale.onnx", [&] { aetk::Detector{folder / "stale.onnx"}; });
  });

  test("a row is made from values by name", [&] {
    std::map<std::string, float> values = {{"other", 7}};
    check_problem(2, "No value for", [&] { detector.row(values); });
    for (const std::string& name : detector.features()) values[name] = 1;
    check(detector.row(values) == std::vector<float>(width, 1), "in order");
  });

  test("missing and infinite cells are flagged and not valid", [&] {
    for (const std::string cell : {"", "NaN", "inf", "-1e39"}) {
      write_file(folder / "t.csv", table(detector, {cell}));
      const aetk::Counts counts = aetk::score_table(detector, folder / "t.csv", folder / "t.scores.csv", std::nullopt);
      check(counts.rows == 1 && counts.anomalies == 1 && counts.invalid == 1, cell);
      check(read_file(folder / "t.scores.csv").find("\n1,-1,1,0") != std::string::npos, cell);
    }
  });

  test("a table at fault leaves no output", [&] {
    write_file(folder / "broken.csv", table(detector, {"0", "1_000"}));
    check_problem(2, "line 3, column '", [&] { aetk::score_table(detector, folder / "broken.csv", folder / "broken.out", std::nullopt); });
    check(!fs::exists(folder / "broken.out"), "an output");
  });

  test("several threads get the answers of one", [&] {
    const std::vector<float> rows(width * 64, 0.5f);
    const aetk::Scores alone = detector.score(rows.data(), 64);
    std::vector<std::thread> threads;
    std::vector<int> wrong(4);
    for (int& count : wrong) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) count += detector.score(rows.data(), 64).similarity != alone.similarity;
      });
    }
    for (std::thread& thread : threads) thread.join();
    check(wrong == std::vector<int>(4), "they differ");
  });
}
