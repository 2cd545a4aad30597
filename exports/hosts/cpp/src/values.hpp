#pragma once

#include <optional>

#include "aetk/value.hpp"
#include "cells.hpp"

namespace aetk {

/// The value of a feature from what a program has for its column; nothing if the column holds no such thing. Text is
/// not turned into numbers. A number is looked up among a category's levels by its shortest decimal text.
std::optional<double> feature_value(const CellParser& parser, const Value& value);

/// How messages show a value, and what they say was expected.
std::string shown(const Value& value);
const char* wanted(Encoding::Kind kind);

}  // namespace aetk
