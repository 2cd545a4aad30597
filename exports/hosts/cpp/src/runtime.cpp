#include "runtime.hpp"

#include <dlfcn.h>
#include <onnxruntime_cxx_api.h>

#include <cstdlib>
#include <vector>

#include "problem.hpp"

namespace aetk {
namespace {

constexpr int kApi = 17;  // of ONNX Runtime 1.17; no later call is used

void* open_library(const std::string& library) {
  const char* variable = std::getenv("ONNXRUNTIME_LIBRARY");
  std::vector<std::string> names = {"libonnxruntime.so.1", "libonnxruntime.so"};
  if (!library.empty()) {
    names = {library};
  } else if (variable != nullptr && *variable != '\0') {
    names = {variable};
  }
  std::string why;
  for (const std::string& name : names) {
    if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    if (why.empty()) why = dlerror();
  }
  throw Problem("Cannot load ONNX Runtime: " + why + ".",
                "Name its library with --runtime FILE or in ONNXRUNTIME_LIBRARY; 1.17 or newer.", 3);
}

std::string load(const std::string& library) {
  void* handle = open_library(library);
  using GetBase = const OrtApiBase*(ORT_API_CALL*)();
  const auto get_base = reinterpret_cast<GetBase>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) {
    throw Problem("The library that was loaded is not ONNX Runtime.", "Name its library with --runtime FILE.", 3);
  }
  const OrtApiBase* base = get_base();
  const OrtApi* api = base->GetApi(kApi);
  if (api == nullptr) {
    throw Problem("Found ONNX Runtime " + std::string(base->GetVersionString()) + ", expected 1.17 or newer.",
                  "Name a newer library with --runtime FILE.", 3);
  }
  Ort::InitApi(api);
  return base->GetVersionString();
}

}  // namespace

const std::string& load_runtime(const std::string& library) {
  static const std::string version = load(library);
  return version;
}

}  // namespace aetk
