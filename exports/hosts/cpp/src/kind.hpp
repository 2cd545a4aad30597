#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aetk/problem.hpp"

namespace aetk {

/// The Problem that says what a file is instead of a model: a card or a table; nothing for any other.
std::optional<Problem> other_kind(const std::string& path, std::string_view bytes);

}  // namespace aetk
