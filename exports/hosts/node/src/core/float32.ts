const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`)); // those that float64 holds exactly
const MOST_DIGITS = 9;

/** The shortest decimal that gives back a float32. */
export function shortest(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  // A decimal of up to six digits survives the way to float32 and back, so the search may begin there: a shorter one is
  // then found with zeros at its end. It begins one earlier, for the logarithm may be off.
  const places = 4 - Math.floor(Math.log10(Math.abs(value)));
  if (places >= 0 && places + MOST_DIGITS - 5 < POWERS_OF_TEN.length) {
    for (let i = places; i <= places + MOST_DIGITS - 5; i++) {
      const decimal = Math.round(value * POWERS_OF_TEN[i]!) / POWERS_OF_TEN[i]!;
      if (Math.fround(decimal) === value) return String(decimal);
    }
  }
  for (let digits = 1; digits < MOST_DIGITS; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === value) return String(decimal);
  }
  return String(Number(value.toPrecision(MOST_DIGITS)));
}
