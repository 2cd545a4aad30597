#include "times.hpp"

#include <array>
#include <cmath>

#include "number.hpp"

namespace aetk {
namespace {

using Order = Encoding::Order;
using Part = Encoding::Part;

constexpr double kDay = 86400, kLatest = 1e11;  // some 3,000 years

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A text that is taken from the front.
class Taker {
 public:
  explicit Taker(std::string_view text) : text_(text) {}

  bool is_empty() const { return text_.empty(); }
  char front() const { return text_.empty() ? '\0' : text_.front(); }

  /// Takes up to `most` digits; nothing, and none taken, if there are fewer than `least`.
  std::optional<std::string_view> digits(std::size_t least, std::size_t most) {
    std::size_t count = 0;
    while (count < most && count < text_.size() && is_digit(text_[count])) ++count;
    if (count < least) return std::nullopt;
    const std::string_view found = text_.substr(0, count);
    text_.remove_prefix(count);
    return found;
  }

  bool one_of(std::string_view characters) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool word(std::string_view expected) {
    if (text_.substr(0, expected.size()) != expected) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

 private:
  std::string_view text_;
};

int value_of(std::string_view digits) {
  int value = 0;
  for (const char digit : digits) value = value * 10 + (digit - '0');
  return value;
}

struct Time {
  std::array<std::string_view, 3> date;
  int hour = 0, minute = 0, second = 0;
};

/// Takes minutes, seconds and their fraction, as far as they are there.
void take_minutes(Taker& text, Time& time) {
  for (int* const part : {&time.minute, &time.second}) {
    Taker ahead = text;
    if (!ahead.one_of(":.")) return;
    const auto digits = ahead.digits(2, 2);
    if (!digits) return;
    *part = value_of(*digits);
    text = ahead;
  }
  Taker ahead = text;
  if (ahead.one_of(".,") && ahead.digits(1, std::string_view::npos)) text = ahead;
}

void take_clock(Taker& text, Time& time) {
  Taker ahead = text;
  if (!ahead.one_of("T ")) return;
  while (ahead.one_of("T ")) {
  }
  const auto hour = ahead.digits(1, 2);
  if (!hour) return;
  time.hour = value_of(*hour);
  text = ahead;
  take_minutes(text, time);
}

void take_zone(Taker& text) {
  text.one_of(" ");
  if (text.word("Z") || text.word("UTC")) return;
  Taker ahead = text;
  if (!ahead.one_of("+-") || !ahead.digits(2, 2)) return;
  text = ahead;
  ahead.one_of(":");
  if (ahead.digits(2, 2)) text = ahead;
}

/// The parts of a written time, in their order; nothing if it is none.
std::optional<Time> split(std::string_view cell) {
  Taker text(cell);
  Time time;
  const auto first = text.digits(1, 4);
  const char separator = text.front();
  if (!first || !text.one_of("-/.")) return std::nullopt;
  const auto second = text.digits(1, 2);
  if (!second || text.front() != separator || !text.one_of("-/.")) return std::nullopt;
  const auto third = text.digits(1, 4);
  if (!third) return std::nullopt;
  time.date = {*first, *second, *third};
  take_clock(text, time);
  take_zone(text);
  if (!text.is_empty()) return std::nullopt;
  return time;
}

int days_of(int year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// Days from 1970-01-01 in the Gregorian calendar, for years from 0 on.
int days_from_1970(int year, int month, int day) {
  const int before = year + 399;  // 400 years later, since a year before 0 would be rounded to the wrong side
  int days = 365 * before + before / 4 - before / 100 + before / 400;
  for (int earlier = 1; earlier < month; ++earlier) days += days_of(year, earlier);
  return days + day - 1 - 146097 - 719162;
}

std::optional<double> parse_written(std::string_view cell, Order order) {
  const auto time = split(cell);
  if (!time) return std::nullopt;
  const auto& date = time->date;
  const std::size_t at = order == Order::ymd ? 0 : 2;  // where the year stands
  const std::string_view years = date[at], months = date[order == Order::mdy ? 0 : 1],
                         days = date[order == Order::ymd ? 2 : order == Order::dmy ? 0 : 1];
  if ((years.size() != 2 && years.size() != 4) || months.size() > 2 || days.size() > 2) return std::nullopt;
  int year = value_of(years);
  const int month = value_of(months), day = value_of(days);
  if (years.size() == 2) year += year >= 69 ? 1900 : 2000;
  if (month < 1 || month > 12 || day < 1 || day > days_of(year, month)) return std::nullopt;
  if (time->hour > 23 || time->minute > 59 || time->second > 60) return std::nullopt;
  return days_from_1970(year, month, day) * kDay + time->hour * 3600 + time->minute * 60 + time->second;
}

}  // namespace

std::optional<double> counted_time(double count, Order order) {
  if (order < Order::s) return std::nullopt;
  const double unit = order == Order::s ? 1 : order == Order::ms ? 1e3 : order == Order::us ? 1e6 : 1e9;
  const double seconds = count / unit;
  if (!(std::abs(seconds) <= kLatest)) return std::nullopt;
  return seconds;
}

std::optional<double> parse_time(std::string_view cell, Order order) {
  if (order < Order::s) return parse_written(cell, order);
  const auto count = parse_decimal(cell);
  return count ? counted_time(*count, order) : std::nullopt;
}

double time_part(double seconds, Part part) {
  constexpr double kPi = 3.14159265358979323846;
  const double days = std::floor(seconds / kDay);
  const bool is_hour = part == Part::hour_sine || part == Part::hour_cosine;
  const double weekday = days + 3 - 7 * std::floor((days + 3) / 7);
  const double angle = 2 * kPi * (is_hour ? (seconds - days * kDay) / kDay : weekday / 7);
  return part == Part::hour_sine || part == Part::weekday_sine ? std::sin(angle) : std::cos(angle);
}

}  // namespace aetk
