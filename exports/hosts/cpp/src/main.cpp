#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "detector.hpp"
#include "scoretable.hpp"

namespace {

constexpr const char* kUsage =
    "usage: detector selftest [--model FILE] [--runtime FILE] [--json]\n"
    "       detector score TABLE.csv [--model FILE] [--runtime FILE] [--out FILE] [--id COL]\n"
    "\n"
    "selftest   prove that this machine decides as it should\n"
    "score      score a CSV file into another (default: NAME.scores.csv here); --id carries a column\n"
    "           along in place of a row number\n"
    "--model    default: model/detector.onnx beside this program or its folder\n"
    "--runtime  libonnxruntime's file; default: $ONNXRUNTIME_LIBRARY, or the system's\n";

struct Arguments {
  std::vector<std::string> words;
  std::map<std::string, std::string> options;
  bool json = false;
  bool help = false;

  std::optional<std::string> option(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? std::nullopt : std::optional(found->second);
  }
};

Arguments parse(const std::vector<std::string>& given) {
  static const std::vector<std::string> kKnown = {"--model", "--runtime", "--out", "--id"};
  Arguments arguments;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string& word = given[i];
    if (word == "--json") {
      arguments.json = true;
    } else if (word == "--help" || word == "-h") {
      arguments.help = true;
    } else if (word.rfind("--", 0) == 0) {
      bool known = false;
      for (const std::string& name : kKnown) known = known || name == word;
      if (!known) throw aetk::Problem("Unknown option '" + word + "'.", "Try: detector --help");
      if (i + 1 == given.size()) throw aetk::Problem("Option '" + word + "' needs a value.", "Try: detector --help");
      arguments.options[word] = given[++i];
    } else {
      arguments.words.push_back(word);
    }
  }
  return arguments;
}

std::string default_model() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder : {here, here.parent_path(), fs::path(".")}) {
    if (fs::exists(folder / "model/detector.onnx", error)) return (folder / "model/detector.onnx").string();
  }
  throw aetk::Problem("Found no model/detector.onnx beside this program.", "Name one with --model.");
}

aetk::Detector open(const Arguments& arguments) {
  const auto model = arguments.option("--model");
  return aetk::Detector(model ? *model : default_model(), 0, arguments.option("--runtime").value_or(""));
}

int selftest(const Arguments& arguments) {
  const aetk::Selftest found = open(arguments).selftest();
  if (arguments.json) {
    char difference[32] = "null";
    if (std::isfinite(found.largest_difference)) std::snprintf(difference, sizeof difference, "%.17g", found.largest_difference);
    std::printf(
        "{\"rows\": %zu, \"near_ties\": %zu, \"flipped_decisions\": %zu, \"flipped_validity\": %zu, \"broken_rule\": %zu, "
        "\"largest_difference\": %s, \"tolerance\": %.17g, \"runtime\": \"%s\", \"provider\": \"%s\", \"microseconds\": %.3f, "
        "\"passed\": %s}\n",
        found.rows, found.near_ties, found.flipped_decisions, found.flipped_validity, found.broken_rule, difference,
        found.tolerance, found.runtime.c_str(), aetk::Detector::kProvider, found.microseconds, found.passed() ? "true" : "false");
  } else {
    std::printf(
        "%s: %zu golden rows, %zu decisions and %zu validities flipped, %zu break the rule; largest difference %.2g "
        "(tolerance %g), %zu near ties\n%s, %s; one decision takes %.1f µs\n",
        found.passed() ? "passed" : "FAILED", found.rows, found.flipped_decisions, found.flipped_validity, found.broken_rule,
        found.largest_difference, found.tolerance, found.near_ties, found.runtime.c_str(), aetk::Detector::kProvider,
        found.microseconds);
  }
  return found.passed() ? 0 : 1;
}

int score(const Arguments& arguments) {
  const std::string& table = arguments.words[1];
  const std::string out =
      arguments.option("--out").value_or(std::filesystem::path(table).stem().string() + ".scores.csv");
  const aetk::Detector detector = open(arguments);
  const aetk::Counts counts = aetk::score_table(detector, table, out, arguments.option("--id"));
  std::printf("%zu rows: %zu flagged at threshold %.6g, of them %zu not judged\nwrote: %s\n", counts.rows, counts.anomalies,
              double{detector.threshold()}, counts.invalid, out.c_str());
  return 0;
}

int run(const Arguments& arguments) {
  const auto& words = arguments.words;
  if (arguments.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (words.size() == 1 && words[0] == "selftest") return selftest(arguments);
  if (words.size() == 2 && words[0] == "score") return score(arguments);
  throw aetk::Problem(kUsage);
}

}  // namespace

int main(int count, char** values) {
  try {
    return run(parse({values + 1, values + count}));
  } catch (const aetk::Problem& problem) {
    std::fprintf(stderr, "detector: %s\n", problem.what());
    if (!problem.hint().empty()) std::fprintf(stderr, "  %s\n", problem.hint().c_str());
    return problem.exit_code();
  } catch (const std::bad_alloc&) {
    std::fputs("detector: Out of memory.\n", stderr);
    return 3;
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "detector: Cannot use %s: %s.\n", error.path1().c_str(), error.code().message().c_str());
    return 2;
  }
}
