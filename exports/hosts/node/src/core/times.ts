const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const TIME = new RegExp(
  "^([0-9]{1,4})([-/.])([0-9]{1,2})\\2([0-9]{1,4})" +
    "(?:[T ]+([0-9]{1,2})(?:[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:[.,][0-9]+)?)?)?)?" +
    " ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?$",
);
const UNITS: Record<string, number> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };
const DAY = 86_400;
/** Seconds from 1970 that a counted time may have at most: some 3,000 years. */
const LATEST = 1e11;

/** Whether times of this format count from 1970-01-01 00:00 UTC. */
export function isCounted(format: string): boolean {
  return format in UNITS;
}

/** Seconds from 1970 of a counted time; undefined for one that is too far away. */
export function counted(value: number, format: string): number | undefined {
  const seconds = value / UNITS[format]!;
  return Math.abs(seconds) <= LATEST ? seconds : undefined;
}

/** The time of a cell in seconds from 1970-01-01 00:00, on the clock that wrote it; undefined where it is none of this format. */
export function secondsOf(cell: string, format: string): number | undefined {
  if (isCounted(format)) return NUMBER.test(cell) ? counted(Number(cell), format) : undefined;
  const found = TIME.exec(cell);
  if (found === null) return undefined;
  const [, one, , two, three, ...clock] = found;
  const digits = Object.fromEntries([one!, two!, three!].map((text, i) => [format[i]!, text])) as Record<"y" | "m" | "d", string>;
  if (![2, 4].includes(digits.y.length) || digits.m.length > 2 || digits.d.length > 2) return undefined;
  const [month, day] = [Number(digits.m), Number(digits.d)];
  const [hour, minute, second] = [0, 1, 2].map((i) => Number(clock[i] ?? 0)) as [number, number, number];
  const year = Number(digits.y) + (digits.y.length === 4 ? 0 : Number(digits.y) >= 69 ? 1900 : 2000);
  const isThere = 1 <= month && month <= 12 && 1 <= day && day <= days(year, month) && hour <= 23 && minute <= 59 && second <= 60;
  return isThere ? daysFrom1970(year, month, day) * DAY + hour * 3600 + minute * 60 + second : undefined;
}

/** The time of a Date in such seconds: by UTC where times are counted, else on this machine's clock. */
export function secondsOfDate(date: Date, format: string): number {
  const local = isCounted(format) ? 0 : date.getTimezoneOffset() * 60;
  return Math.floor(date.getTime() / 1000) - local;
}

/** A part of a time: of the share of the day that has passed, or of the day of the week, Monday 0, the sine or the cosine. */
export function timePart(seconds: number, part: string): number {
  const day = Math.floor(seconds / DAY);
  const [kind, wave] = part.split(" ");
  const share = kind === "hour" ? (seconds - day * DAY) / DAY : ((((day + 3) % 7) + 7) % 7) / 7;
  return wave === "sine" ? Math.sin(2 * Math.PI * share) : Math.cos(2 * Math.PI * share);
}

function days(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  return month === 2 ? 28 + leap : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar, for years from 0 on. */
function daysFrom1970(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() / 1000 / DAY;
}
