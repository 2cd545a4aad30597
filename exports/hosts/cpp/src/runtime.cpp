#include "runtime.hpp"

#include <dlfcn.h>
#include <onnxruntime_cxx_api.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <vector>

#include "aetk/problem.hpp"

namespace aetk {
namespace {

/// What ONNX Runtime 1.17 offers; every later one offers it too.
constexpr std::uint32_t kApi = 17;

constexpr const char* kHint =
    "Install ONNX Runtime 1.17 or newer, and name its libonnxruntime.so with --runtime or in ONNXRUNTIME_LIBRARY.";

std::vector<std::string> candidates(const std::string& library) {
  if (!library.empty()) return {library};
  const char* named = std::getenv("ONNXRUNTIME_LIBRARY");
  if (named != nullptr && *named != '\0') return {named};
  return {"libonnxruntime.so.1", "libonnxruntime.so"};
}

/// The file that an address was loaded from: a bare name says nothing about which library was found.
std::string file_of(const void* address, const std::string& otherwise) {
  Dl_info info;
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : otherwise;
}

/// Whether a version, "1.17.3", is of a release that lacks API 17; asking such a release for it prints to stderr.
bool is_too_old(const std::string& version) {
  char* end = nullptr;
  const long major = std::strtol(version.c_str(), &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return major < 1 || (major == 1 && minor < long{kApi});
}

std::string load(const std::string& library) {
  setenv("ORT_DISABLE_TELEMETRY", "1", 0);  // ONNX Runtime looks once, when it is loaded, and would send usage data
  std::string first_error;
  for (const std::string& name : candidates(library)) {
    void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      if (first_error.empty()) first_error = dlerror();
      continue;
    }
    using GetBase = const OrtApiBase* (*)();
    const auto get_base = reinterpret_cast<GetBase>(dlsym(handle, "OrtGetApiBase"));
    if (get_base == nullptr) throw Problem(name + " is not ONNX Runtime: it has no OrtGetApiBase.", kHint, 3);
    const std::string version = get_base()->GetVersionString();
    const OrtApi* api = is_too_old(version) ? nullptr : get_base()->GetApi(kApi);
    if (api == nullptr) {
      const std::string file = file_of(reinterpret_cast<const void*>(get_base), name);
      throw Problem(file + " is ONNX Runtime " + version + ", expected 1.17 or newer.", kHint, 3);
    }
    Ort::InitApi(api);
    return version;
  }
  throw Problem("Cannot load ONNX Runtime: " + first_error + ".", kHint, 3);
}

}  // namespace

const std::string& load_runtime(const std::string& library) {
  static std::mutex mutex;
  static std::optional<std::string> version;
  const std::lock_guard lock(mutex);
  if (!version) version = load(library);
  return *version;
}

}  // namespace aetk
