#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

namespace aetk {

/// A card that says of tables what cannot be followed; its words end without a full stop.
class Unreadable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The format of text files, as a card's `table` has it. The default values are the default format.
struct TableFormat {
  enum class Charset { utf8, utf16, cp1252, latin1 };

  bool is_strict = true;         ///< that of a card without `table`: blanks belong to cells, no row has a cell more
  char delimiter = ',';          ///< a blank stands for any run of blanks and tabs, without quotes
  std::string second_delimiter;  ///< also separates cells; empty: none
  char decimal = '.';
  std::string thousands;  ///< between groups of three digits, in UTF-8; empty: none
  Charset encoding = Charset::utf8;
  bool has_header = true;       ///< false: columns are called c1, c2, ...
  std::string header;           ///< the first cell of the line that holds the names after it; empty: the first row does
  std::size_t skip_rows = 0;    ///< lines before everything else
  std::string comment;          ///< begins a line that is left out; empty: none
  std::size_t units_rows = 0;   ///< rows between names and values
  std::size_t skip_footer = 0;  ///< rows at the end that are left out
  std::vector<std::string> missing;  ///< cells that mean a missing value, beside empty, NA, NaN and null
};

/// How the cells of one column of a table become one feature.
struct Encoding {
  enum class Kind { number, percent, hex, truth, level, time };
  enum class Order { ymd, dmy, mdy, s, ms, us, ns };
  enum class Part { hour_sine, hour_cosine, weekday_sine, weekday_cosine };

  std::string column;  ///< the name of the table's column
  Kind kind = Kind::number;
  std::vector<std::string> words;    ///< the levels of a category; or the words for false and true, in lower case
  std::vector<std::string> missing;  ///< cells of this column that mean a missing value
  Order order = Order::ymd;          ///< of a time's year, month and day; or the unit in which it is counted
  Part part = Part::hour_sine;       ///< of a time
};

/// How tables become rows of a model's input, as its card says.
struct Reading {
  TableFormat format;
  std::vector<Encoding> features;  ///< in the model's order
};

/// Whether a card holds what contract 1 does not know. Throws JsonError.
bool is_second_contract(const Json& card);

/// Throws Unreadable for a format or a feature that cannot be followed.
Reading read_reading(const Json& card);

/// A cell without the blanks and tabs around it.
std::string_view strip(std::string_view cell);

/// How messages call a delimiter, in the singular and in the plural: "a comma", "commas".
const char* called(char delimiter);
const char* called_many(char delimiter);

}  // namespace aetk
