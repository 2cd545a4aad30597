const whole = new Intl.NumberFormat("en");
const few = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A count, with commas between thousands. */
export const count = (value: number): string => whole.format(value);

/** A figure to three significant digits, whole from 1,000 on. */
export const figure = (value: number): string => (value >= 1000 ? whole.format(Math.round(value)) : few.format(value));

/** A similarity to six significant digits. */
export const similar = (value: number): string => String(Number(value.toPrecision(6)));

/** A small quantity, such as a tolerance. */
export function small(value: number): string {
  if (!Number.isFinite(value)) return "infinite";
  const rounded = Number(value.toPrecision(2));
  return rounded !== 0 && rounded < 1e-3 ? rounded.toExponential() : String(rounded);
}

/** "1 row", "2 rows". */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** The shortest decimal that rounds to this float32. */
export function exact(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}
