#pragma once

#include <string>

namespace aetk {

/// Loads ONNX Runtime's shared library, once for the whole program, and returns its version ("1.32.0").
///
/// `library` is its file; empty stands for the environment variable ONNXRUNTIME_LIBRARY, or else the system's own. Loading
/// where the program starts, and not linking, lets one binary run with any version from 1.17 on. Throws Problem with exit
/// code 3 where there is none, or only an older one.
const std::string& load_runtime(const std::string& library = "");

}  // namespace aetk
