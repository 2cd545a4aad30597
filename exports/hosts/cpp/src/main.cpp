#include <cmath>
#include <cstdio>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aetk/detector.hpp"
#include "atomic_file.hpp"
#include "files.hpp"
#include "number.hpp"
#include "score_table.hpp"
#include "utf8.hpp"

namespace {

using aetk::Problem;

constexpr const char* kHelp = R"(usage: detector selftest [--model FILE] [--runtime FILE] [--json]
       detector score TABLE.csv [--model FILE] [--runtime FILE] [--out FILE] [--id COL]

Run a detector made by aetk.

  selftest        prove that this machine decides as it should
  score           score a CSV file into another

  --model FILE    the .onnx file (default: model/detector.onnx beside this program, or else in the folder above it)
  --runtime FILE  ONNX Runtime's shared library, 1.17 or newer (default: what the environment variable
                  ONNXRUNTIME_LIBRARY names, or else the system's libonnxruntime.so.1 or libonnxruntime.so)
  --json          print the report as JSON
  --out FILE      where to write, - for standard output (default: NAME.scores.csv here; - where TABLE.csv is -, standard
                  input)
  --id COL        column to carry along in place of a row number
  --help          print this

Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input, 3 the environment cannot do it.
)";

struct Arguments {
  std::string command;
  std::optional<std::string> data, model, runtime, out, key;
  bool json = false;
  bool help = false;
};

[[noreturn]] void refuse_usage(const std::string& message) { throw Problem(message, "See: detector --help"); }

std::optional<std::string>* option(Arguments& given, std::string_view name) {
  if (name == "--model") return &given.model;
  if (name == "--runtime") return &given.runtime;
  if (given.command != "score") return nullptr;
  return name == "--out" ? &given.out : name == "--id" ? &given.key : nullptr;
}

/// Reads the option at `i`, and its value, which follows it or a '='; returns where the last of them stands.
std::size_t take_option(Arguments& given, const std::vector<std::string>& words, std::size_t i) {
  const std::string name = words[i].substr(0, words[i].find('='));
  if (name == words[i] && name == "--json" && given.command == "selftest") {
    given.json = true;
    return i;
  }
  auto* const value = option(given, name);
  if (value == nullptr) refuse_usage("No such option: " + words[i] + ".");
  if (name != words[i]) {
    *value = words[i].substr(name.size() + 1);
    return i;
  }
  if (i + 1 == words.size()) refuse_usage(name + " needs a value.");
  *value = words[i + 1];
  return i + 1;
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments given;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--help" || words[i] == "-h") {
      given.help = true;
      return given;
    }
    if (given.command.empty()) {
      given.command = words[i];
      if (given.command != "selftest" && given.command != "score") refuse_usage("No such command: " + words[i] + ".");
    } else if (words[i].size() > 1 && words[i][0] == '-') {
      i = take_option(given, words, i);
    } else if (given.command == "score" && !given.data) {
      given.data = words[i];
    } else {
      refuse_usage("Unexpected: " + words[i] + ".");
    }
  }
  if (given.command.empty()) refuse_usage("Expected a command, selftest or score.");
  if (given.command == "score" && !given.data) refuse_usage("score needs a table.");
  return given;
}

/// The model of the app: its program stands beside the folder model, or in a folder beside it, as after a build.
std::string find_model() {
  std::error_code ignored;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& folder : {here, here.parent_path()}) {
    const auto model = folder / "model" / "detector.onnx";
    if (std::filesystem::exists(model, ignored)) return model.string();
  }
  throw Problem("Found no model/detector.onnx in " + here.string() + " and the folder above it.",
                "Name one with --model.");
}

void add_member(std::string& json, const char* name, const std::string& value) {
  json.append(json.empty() ? "{\"" : ", \"").append(name).append("\": ").append(value);
}

std::string as_json(double value) {
  std::string text;
  if (!std::isfinite(value)) return "null";
  aetk::append_number(text, value);
  return text;
}

std::string as_json(const aetk::Selftest& report) {
  std::string json;
  add_member(json, "rows", std::to_string(report.rows));
  add_member(json, "near_ties", std::to_string(report.near_ties));
  add_member(json, "flipped_decisions", std::to_string(report.flipped_decisions));
  add_member(json, "flipped_validity", std::to_string(report.flipped_validity));
  add_member(json, "broken_rule", std::to_string(report.broken_rule));
  add_member(json, "largest_difference", as_json(report.largest_difference));
  add_member(json, "tolerance", as_json(report.tolerance));
  add_member(json, "runtime", '"' + report.runtime + '"');
  add_member(json, "provider", '"' + report.provider + '"');
  add_member(json, "microseconds", as_json(report.microseconds));
  add_member(json, "passed", report.passed() ? "true" : "false");
  return json + "}";
}

int selftest(const aetk::Detector& detector, bool json) {
  const aetk::Selftest report = detector.selftest();
  if (json) {
    std::printf("%s\n", as_json(report).c_str());
  } else {
    std::printf(
        "%s: %zu golden rows, %zu decisions and %zu validities flipped, %zu break the rule; largest difference %.2g "
        "(tolerance %g), %zu near ties\n%s, %s; one decision takes %.1f µs\n",
        report.passed() ? "passed" : "FAILED", report.rows, report.flipped_decisions, report.flipped_validity,
        report.broken_rule, report.largest_difference, report.tolerance, report.near_ties, report.runtime.c_str(),
        report.provider.c_str(), report.microseconds);
  }
  return report.passed() ? 0 : 1;
}

/// A path, of which `-` is a stream and `./-` a file.
std::string given_path(const std::string& path) {
  const std::string tidy = aetk::tidy_path(path);
  return path != aetk::kStandard && tidy == aetk::kStandard ? std::filesystem::absolute(tidy).string() : tidy;
}

int score(const aetk::Detector& detector, const Arguments& given) {
  const std::string data = given_path(*given.data);
  const std::string by_default =
      data == aetk::kStandard ? data : std::filesystem::path(data).stem().string() + ".scores.csv";
  const std::string out = given.out ? given_path(*given.out) : by_default;
  const aetk::Counts counts = aetk::score_table(detector, data, out, given.key);
  std::fprintf(aetk::own_descriptor(out) == 1 ? stderr : stdout,
               "%zu rows: %zu flagged at threshold %.6g, of them %zu not judged\nwrote: %s\n", counts.rows,
               counts.anomalies, detector.threshold(), counts.not_judged,
               aetk::titled(out, "standard output").c_str());
  return 0;
}

int run(const std::vector<std::string>& words) {
  const Arguments given = parse(words);
  if (given.help) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  aetk::clean_up_on_signals();
  const aetk::Detector detector(given.model ? *given.model : find_model(), {given.runtime.value_or("")});
  return given.command == "selftest" ? selftest(detector, given.json) : score(detector, given);
}

int report(const Problem& problem) {
  const std::string hint = problem.hint().empty() ? "" : "  " + problem.hint() + "\n";
  const std::string text = aetk::printable("detector: " + problem.message() + "\n" + hint);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return problem.exit_code();
}

}  // namespace

int main(int count, char** words) {
  aetk::hold_closed_input();
  try {
    return run({words + 1, words + count});
  } catch (const aetk::ReaderLeft&) {
    return 0;
  } catch (const Problem& problem) {
    return report(problem);
  } catch (const std::bad_alloc&) {
    return report(Problem("Out of memory.", "", 3));
  } catch (const std::exception& error) {
    return report(Problem(error.what(), "", 3));
  }
}
