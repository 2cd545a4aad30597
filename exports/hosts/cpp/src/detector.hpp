#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "card.hpp"
#include "golden.hpp"
#include "problem.hpp"

namespace aetk {

/// What came of replaying the golden rows.
struct Selftest : Comparison {
  std::string runtime;      // what ran
  double microseconds = 0;  // the median time of one row's decision
};

/// A model and its card, held against each other. Its functions may be called from several threads at once.
class Detector {
 public:
  static constexpr const char* kProvider = "CPUExecutionProvider";

  /// Opens an `.onnx` file; a card beside it (`NAME.card.json`) must be the one inside it. `threads` are of one call, 0
  /// leaves the choice to the runtime. `library` is as in `load_runtime`.
  ///
  /// Throws Problem: exit code 2 for a file that is no such model, 1 where model and card disagree, 3 where the runtime is
  /// missing or cannot run it.
  explicit Detector(const std::string& model, int threads = 0, const std::string& library = "");
  ~Detector();
  Detector(Detector&&) noexcept;
  Detector& operator=(Detector&&) noexcept;

  /// The columns, in the order in which `score` takes them.
  const std::vector<std::string>& features() const;
  float threshold() const;
  const std::string& path() const;

  /// A row from values by column name; NaN stands for a missing one, other names are ignored.
  std::vector<float> row(const std::map<std::string, float>& values) const;

  /// Judges `count` rows of raw values, [count, features], row by row.
  Scores score(const float* rows, std::size_t count) const;

  /// Replays the golden rows, and takes the time of one decision.
  Selftest selftest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aetk
