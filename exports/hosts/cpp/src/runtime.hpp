#pragma once

#include <string>

namespace aetk {

/// Loads ONNX Runtime's shared library and makes its C++ API usable; the first call decides for the whole process.
///
/// `library` is a file, or empty for what ONNXRUNTIME_LIBRARY names, else the system's libonnxruntime.so. Returns its
/// version. Throws Problem (exit code 3) where there is none, or one older than 1.17.
const std::string& load_runtime(const std::string& library);

}  // namespace aetk
