#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aetk/detector.hpp"
#include "card.hpp"

namespace aetk {

constexpr const char* kProvider = "CPUExecutionProvider";

/// A model as ONNX Runtime runs it, with the inputs and outputs of the contract. `load_runtime` comes first.
class Session {
 public:
  /// Throws Problem: exit code 3 where ONNX Runtime cannot run the bytes, 2 where they are not an aetk model.
  Session(const std::string& model, const Card& card, int threads);

  bool explains() const noexcept { return explains_; }

  /// Judges `count` rows, [count, features].
  Scores score(const float* rows, std::size_t count) const;

  /// Judges one row in bound memory; a thread that finds it in use takes memory of its own.
  Decision decide(const float* row) const;

 private:
  struct Bound;
  struct BoundDeleter {
    void operator()(Bound* bound) const;
  };

  void check_signature() const;
  void run(Scores& scores, const float* rows, std::size_t count) const;

  std::size_t features_;
  Ort::MemoryInfo memory_;
  mutable Ort::Session session_{nullptr};  // Run is not const there, though safe to call from many threads
  bool explains_ = false;
  mutable std::mutex bound_mutex_;
  std::unique_ptr<Bound, BoundDeleter> bound_;
};

}  // namespace aetk
