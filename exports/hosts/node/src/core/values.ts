import { isNumber as isDecimal } from "./cells.ts";
import { Problem } from "./problem.ts";
import { columnsOf, type Encoding, type TableFormat } from "./reading.ts";
import { counted, isCounted, secondsOf, secondsOfDate, timePart } from "./times.ts";

/** What a program may hand over by a column's name; null is missing. */
export type Value = number | string | boolean | Date | null;

/** Makes the value of a feature from a cell without blanks around it: NaN where missing, undefined where it is not allowed. */
export type Parser = (cell: string) => number | undefined;

const MISSING = /^(?:na|nan|null)?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;
const HEX = /^(?:0[xX])?([0-9a-fA-F]{1,12})$/;

/** A cell without the blanks and tabs around it. */
export function strip(cell: string): string {
  let [start, end] = [0, cell.length];
  while (start < end && isBlank(cell[start]!)) start++;
  while (end > start && isBlank(cell[end - 1]!)) end--;
  return start === 0 && end === cell.length ? cell : cell.slice(start, end);
}

const isBlank = (character: string): boolean => character === " " || character === "\t";

/** The parser of the cells of a feature in tables of this format. */
export function parserOf(encoding: Encoding, format: TableFormat): Parser {
  const missing = new Set([...format.missing, ...encoding.missing]);
  const convert = converter(encoding, format);
  const fill = encoding.levels.length > 0 ? encoding.levels.length : NaN;
  return (cell) => (missing.has(cell) || MISSING.test(cell) ? fill : convert(cell));
}

function converter({ levels, truths, notation, timeFormat, timePart: part }: Encoding, format: TableFormat): Parser {
  const number = numberParser(format);
  if (levels.length > 0) {
    const indexes = new Map(levels.map((level, i) => [level, i]));
    return (cell) => indexes.get(cell) ?? levels.length;
  }
  if (truths.length > 0) {
    return (cell) => {
      const found = truths.indexOf(cell.toLowerCase());
      return found >= 0 ? found : zeroOrOne(number(cell));
    };
  }
  if (part !== "") {
    return (cell) => {
      const seconds = secondsOf(cell, timeFormat);
      return seconds === undefined ? undefined : timePart(seconds, part);
    };
  }
  if (notation === "hex") {
    return (cell) => {
      const digits = HEX.exec(cell)?.[1];
      return digits === undefined ? undefined : parseInt(digits, 16);
    };
  }
  return notation === "percent" ? (cell) => number(cell.endsWith("%") ? cell.slice(0, -1).replace(/[ \t]+$/, "") : cell) : number;
}

const zeroOrOne = (value: number | undefined): number | undefined => (value === 0 || value === 1 ? value : undefined);

/** The parser of a decimal or exponent number, or an infinity, with the format's own signs. */
function numberParser({ decimal, thousands }: TableFormat): Parser {
  const escaped = (sign: string): string => sign.replace(/[.]/g, "\\.");
  const digits = `[0-9]{1,3}(?:${escaped(thousands)}[0-9]{3})+(?:${escaped(decimal)}[0-9]*)?`;
  const grouped = new RegExp(`^[+-]?${digits}(?:[eE][+-]?[0-9]+)?$`);
  return (cell) => {
    let text = thousands !== "" && grouped.test(cell) ? cell.replaceAll(thousands, "") : cell;
    // a point then makes a cell no number, as a comma does where the decimal sign is a point
    if (decimal === ",") text = text.replace(/[.,]/g, (sign) => (sign === "," ? "." : ","));
    if (isDecimal(text)) return Number(text);
    return INFINITE.test(cell) ? (cell.startsWith("-") ? -Infinity : Infinity) : undefined;
  };
}

/** What the cells of a column have to be, and what to do, for messages. */
export function expected({ levels, truths, notation, timeFormat }: Encoding, { decimal }: TableFormat): [string, string] {
  const missing = "empty, NA, NaN and null are missing values.";
  if (levels.length > 0) return ["text", `Text that the model does not know is a level of its own; so is a missing value.`];
  if (truths.length > 0) return [`'${truths[0]}' or '${truths[1]}'`, `0 and 1 are read too; ${missing}`];
  if (timeFormat !== "") return [`a time (${TIMES[timeFormat]!})`, `A time of day may follow a date; ${missing}`];
  if (notation === "hex") return ["a hexadecimal number", `Such numbers look like 0x1F or 1f; ${missing}`];
  const comma = decimal === "," ? " with a decimal comma" : "";
  return [`a number${comma}`, `Numbers look like 12, -3${decimal}5 or 1e-3; ${missing}`];
}

const TIMES: Record<string, string> = {
  ymd: "year, month, day", dmy: "day, month, year", mdy: "month, day, year",
  s: "seconds from 1970", ms: "milliseconds from 1970", us: "microseconds from 1970", ns: "nanoseconds from 1970",
};

/** Makes a row of the model's input from values by the names of a table's columns; see `rowReader`. */
export type RowReader = (values: Readonly<Record<string, Value | undefined>>) => Float32Array;

/**
 * The reader of rows as a program has them: text of categories and times, true and false, numbers; null stands for a missing
 * value, other names are ignored. It throws a Problem where a value is not there, or not of its column's kind.
 */
export function rowReader(encodings: readonly Encoding[], format: TableFormat): RowReader {
  const parsers = encodings.map((encoding) => parserOf(encoding, format));
  const markers = encodings.map(({ missing }) => [...format.missing, ...missing]);
  return (values) =>
    Float32Array.from(encodings, (encoding, i) => {
      const value = values[encoding.column];
      if (value === undefined) {
        throw new Problem(`No value for '${encoding.column}'.`, `The model takes: ${columnsOf(encodings).join(", ")}.`);
      }
      const found = valueOf(encoding, value, parsers[i]!, markers[i]!);
      if (found !== undefined) return found;
      throw new Problem(`'${encoding.column}': found ${shown(value)}, expected ${expected(encoding, format)[0]}.`, "A missing value is null.");
    });
}

/** The value of a feature from one of a program's values; undefined where it is not allowed. */
function valueOf(encoding: Encoding, value: Value, parse: Parser, markers: readonly string[]): number | undefined {
  const { levels, truths, timeFormat, timePart: part } = encoding;
  const isNumber = levels.length === 0 && truths.length === 0 && part === "";
  if (value === null || Number.isNaN(value)) return parse("");
  if (typeof value === "string") {
    const text = strip(value);
    // text is not turned into decimal numbers
    return isNumber && encoding.notation === "decimal" && !markers.includes(text) ? undefined : parse(text);
  }
  if (typeof value === "boolean") {
    if (levels.length > 0) return parse(levels.includes(value ? "True" : "False") ? (value ? "True" : "False") : String(value));
    return part === "" ? Number(value) : undefined;
  }
  if (value instanceof Date) {
    if (part === "") return undefined;
    return Number.isNaN(value.getTime()) ? NaN : timePart(secondsOfDate(value, timeFormat), part);
  }
  if (typeof value !== "number") return undefined;
  if (markers.some((marker) => isDecimal(marker) && Number(marker) === value)) return parse("");
  if (isNumber) return value;
  if (levels.length > 0 || truths.length > 0) return parse(String(value));
  const seconds = isCounted(timeFormat) ? counted(value, timeFormat) : undefined;
  return seconds === undefined ? undefined : timePart(seconds, part);
}

function shown(value: Value): string {
  return typeof value === "string" ? `'${value.slice(0, 40)}'` : String(value);
}
