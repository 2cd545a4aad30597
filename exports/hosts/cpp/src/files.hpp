#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "aetk/problem.hpp"

namespace aetk {

/// A path without empty and `.` parts, as messages show it; `..` stays, since it may follow a link.
std::string tidy_path(std::string_view path);

/// Standard input where something is read, standard output where something is written.
constexpr const char* kStandard = "-";

/// How messages name a path; `stream` is "standard input" or "standard output".
inline std::string titled(const std::string& path, const char* stream) { return path == kStandard ? stream : path; }

/// The descriptor of this process that a path names, 1 for `-` and `/dev/stdout`; -1 for any other path.
int own_descriptor(const std::string& path);

/// Whether a path leads to what is never replaced: `-`, an open file of a process, a pipe, a device, a socket.
bool is_stream(const std::string& path);

/// Keeps the descriptor of a standard input that is closed from being given to the next file; to be called first of all.
void hold_closed_input();

/// Whether standard input was closed when `hold_closed_input` was called.
bool input_is_closed();

/// Whether both exist and are one regular file.
bool same_file(const std::string& one, const std::string& other);

/// What to report of a failed call of the operating system, by its `errno`.
Problem cannot_use(const std::string& path, int error);

/// The bytes of a file, the first `most` of a longer one, which may have no end. Throws Problem; `missing` and `folder`
/// are the messages where there is none or a folder.
std::string read_file(const std::string& path, std::size_t most, const std::string& missing, const std::string& folder);

}  // namespace aetk
