#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "aetk/detector.hpp"
#include "atomic_file.hpp"
#include "check.hpp"
#include "score_table.hpp"

namespace {

using namespace aetk;

/// A table for the model of which each row has `value` in all columns, and a column `who`.
std::string table(const Detector& detector, const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string text = "who";
  for (const std::string& name : detector.features()) text += ",\"" + name + "\"";
  for (const auto& [who, value] : rows) {
    text += "\n" + who;
    for (std::size_t i = 0; i < detector.features().size(); ++i) text += "," + value;
  }
  return text + "\n";
}

void rows_that_cannot_be_judged() {
  if (skipped_without(kReference, "rows that cannot be judged")) return;
  const Detector detector(kReference);
  const Folder folder;
  const std::string data = folder.write(
      "t.csv", table(detector, {{"a", "1"}, {"\"b,\"\"c\"", ""}, {"\"d\ne\"", "inf"}, {"", "NaN"}, {"f", "1e39"}}));
  const Counts counts = score_table(detector, data, folder.at("out.csv"), "who");
  check(counts.rows == 5 && counts.not_judged == 4 && counts.anomalies >= 4, "counts");
  const std::string out = whole_file(folder.at("out.csv"));
  check(out.find("who,similarity,is_anomaly,is_valid\na,") == 0, "the header, and the first row");
  const std::string rest = "\n\"b,\"\"c\",-1,1,0\n\"d\ne\",-1,1,0\n,-1,1,0\nf,-1,1,0\n";
  check(out.size() > rest.size() && out.substr(out.size() - rest.size()) == rest, "rows that are not judged");
}

void nothing_is_left_behind() {
  const Detector detector(kModel);
  const Folder folder;
  const std::string out = folder.write("out.csv", "before");
  using Rows = std::vector<std::pair<std::string, std::string>>;
  const auto code = [&](const Rows& rows, std::optional<std::string> key = {}) {
    return problem_of([&] { score_table(detector, folder.write("t.csv", table(detector, rows)), out, key); });
  };
  check(code({{"a", "1"}, {"b", "x"}}) == 2, "no number");
  check(code({}) == 2, "a header without rows");
  check(code({{"a", "1"}}, "nobody") == 2 && code({{"a", "1"}}, "similarity") == 2, "columns to carry along");
  check(problem_of([&] { score_table(detector, folder.at("none.csv"), out, {}); }) == 2, "a missing table");
  const std::string data = folder.at("t.csv");
  check(problem_of([&] { score_table(detector, data, data, {}); }) == 2, "a table over itself");
  check(whole_file(out) == "before" && folder.size() == 2, "the old output, and nothing else");
  check(code({{"a", "1"}}) == 0 && whole_file(out) != "before" && folder.size() == 2, "the new output");
  const std::string elsewhere = folder.at("none/out.csv");
  check(problem_of([&] { score_table(detector, data, elsewhere, {}); }) == 2, "a folder that is missing");
}

void a_signal_leaves_nothing_behind() {
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const Folder folder;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGINT, SIG_DFL);
      clean_up_on_signals();
      AtomicFile file(folder.at("out.csv"));
      file.write("half");
      const bool there = folder.size() == 1;
      if (there) raise(signal);
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == code, "the exit code after a signal, " + std::to_string(code));
    check(folder.size() == 0, "nothing is left after a signal");
  }
}

}  // namespace

void test_scoring() {
  rows_that_cannot_be_judged();
  nothing_is_left_behind();
  a_signal_leaves_nothing_behind();
}
