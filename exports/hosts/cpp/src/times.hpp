#pragma once

#include <optional>
#include <string_view>

#include "reading.hpp"

namespace aetk {

/// The time of a cell in seconds from 1970-01-01 00:00, on the clock that wrote it: its zone changes nothing. Nothing if
/// it is no time in this order.
std::optional<double> parse_time(std::string_view cell, Encoding::Order order);

/// The time that a number counts, in seconds; nothing if it is too far away, or the order is one of digits.
std::optional<double> counted_time(double count, Encoding::Order order);

/// A feature of a time in seconds from 1970-01-01 00:00, a Thursday. Weekdays count from Monday.
double time_part(double seconds, Encoding::Part part);

}  // namespace aetk
