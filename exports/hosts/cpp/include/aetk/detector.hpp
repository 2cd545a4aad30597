#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aetk/problem.hpp"
#include "aetk/value.hpp"

namespace aetk {

/// The verdict on one row.
struct Decision {
  float similarity;  ///< -1 to 1; exactly -1 where the row could not be judged
  bool is_anomaly;   ///< not (similarity >= threshold)
  bool is_valid;     ///< false where the row could not be judged
};

/// The verdicts on some rows, as in `Decision`, one entry a row.
struct Scores {
  std::vector<float> similarity;
  std::vector<std::uint8_t> is_anomaly;  ///< 0 or 1
  std::vector<std::uint8_t> is_valid;    ///< 0 or 1
  /// [rows, features] in row-major order, each feature's share of 1 - similarity; empty if the model has none.
  std::vector<float> contribution;
};

/// What came of replaying the golden rows.
struct Selftest {
  std::size_t rows = 0;
  std::size_t near_ties = 0;          ///< rows so close to the threshold that their decision is not compared
  std::size_t flipped_decisions = 0;  ///< rows decided differently here
  std::size_t flipped_validity = 0;   ///< rows judged valid on one side only
  std::size_t broken_rule = 0;        ///< rows whose outputs contradict one another
  double largest_difference = 0;      ///< of similarity; infinite where there is none
  double tolerance = 0;               ///< what it was held against
  std::string runtime;                ///< name and version of what ran
  std::string provider;               ///< the execution provider
  double microseconds = 0;            ///< the median time of one row's decision

  /// Whether this machine decides as the golden rows say.
  bool passed() const {
    return flipped_decisions + flipped_validity + broken_rule == 0 && largest_difference <= tolerance;
  }
};

struct Options {
  /// The shared library of ONNX Runtime; empty: what ONNXRUNTIME_LIBRARY names, else the system's libonnxruntime.so.
  /// The first one that is loaded serves the whole process.
  std::string runtime;
  /// Threads of one call; 0 leaves the choice to ONNX Runtime. One row is decided by one thread whatever this is.
  int threads = 1;
};

struct Reading;

/// A model and its card, held against each other. All methods may be called from several threads at once.
class Detector {
 public:
  /// Reads a `.onnx` file. A card beside it (`NAME.card.json`) must be the one inside it.
  ///
  /// Throws Problem with exit code 2 for a file that is not such a model, 1 where model and card disagree, 3 where
  /// ONNX Runtime is missing, too old, or cannot run the model.
  explicit Detector(const std::string& model, const Options& options = {});
  ~Detector();
  Detector(Detector&&) noexcept;
  Detector& operator=(Detector&&) noexcept;

  /// Judges one row of `features().size()` raw values, in memory that is bound once.
  Decision decide(const float* row) const;

  /// Judges `count` rows in row-major order, [count, features].
  Scores score(const float* rows, std::size_t count) const;

  /// What the columns of a table hold in one row, by their names, as the model's input: in the model's order, a category
  /// as the index of its level, true and false as 1 and 0, a time as its features. Other names are ignored.
  /// Throws Problem where a column has no value, or one that it cannot hold.
  std::vector<float> row(const std::map<std::string, Value>& values) const;
  /// The same for values of one type, such as numbers.
  template <typename One>
  std::vector<float> row(const std::map<std::string, One>& values) const {
    return row(std::map<std::string, Value>(values.begin(), values.end()));
  }

  /// Replays the golden rows by `decide` and by `score`, one by one and all at once; takes the time of one decision.
  Selftest selftest() const;

  const std::string& path() const noexcept;
  const std::vector<std::string>& features() const noexcept;  ///< names, in the order of a row
  const Reading& reading() const noexcept;  ///< how tables become rows, for the library's own reader of files
  double threshold() const noexcept;
  bool explains() const noexcept;  ///< whether `Scores::contribution` is filled

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace aetk
