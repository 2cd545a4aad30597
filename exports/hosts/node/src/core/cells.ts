const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const MISSING = /^(?:na|nan|null)?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;
const COMMANDS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const UNPRINTED = /[\x00-\x1f\x7f-\xa0\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb]/g;
const LONGEST_SHOWN = 40;

/** A cell's value: NaN where missing, infinite where infinite or too large; undefined where it is no number. */
export function parseCell(cell: string): number | undefined {
  if (NUMBER.test(cell)) return Number(cell);
  if (MISSING.test(cell)) return NaN;
  if (INFINITE.test(cell)) return cell.startsWith("-") ? -Infinity : Infinity;
  return undefined;
}

/** Whether a cell is a number, and neither missing nor infinite by word. */
export function isNumber(cell: string): boolean {
  return NUMBER.test(cell);
}

/** The first code points of a text that may be megabytes long. */
export function firstCharacters(text: string, count: number): string[] {
  return [...text.slice(0, 2 * count)].slice(0, count);
}

/** A cell for a message: shortened, and what would not be seen escaped. */
export function showCell(cell: string): string {
  const characters = firstCharacters(cell, LONGEST_SHOWN + 1);
  const shown = characters.length > LONGEST_SHOWN ? `${characters.slice(0, LONGEST_SHOWN - 3).join("")}...` : cell;
  return escape(shown, UNPRINTED);
}

/** Lines for a terminal, which no name of a card or a column may command. */
export function printable(lines: string): string {
  return escape(lines, COMMANDS);
}

function escape(text: string, characters: RegExp): string {
  return text.replace(characters, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
