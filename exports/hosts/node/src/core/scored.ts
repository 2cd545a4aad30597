import { isNumber } from "./cells.ts";
import { shortest } from "./float32.ts";
import type { Scores } from "./golden.ts";
import { Problem } from "./problem.ts";

const VERDICTS = ["similarity", "is_anomaly", "is_valid"];
const SHARE = "contribution:";
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** Throws Problem where the column to carry along has the name of one that is written; `table` is for the message. */
export function checkKey(key: string | null, table: string): void {
  if (key !== null && (VERDICTS.includes(key) || key.startsWith(SHARE))) {
    throw new Problem(`--id ${key} is the name of a column that is written; rename it in ${table}.`);
  }
}

/** The header line of a scored table; `key` is the column that is carried along, null for a row number. */
export function scoredHeader(key: string | null, features: readonly string[], explained: boolean): string {
  const shares = explained ? features.map((name) => SHARE + name) : [];
  return `${[key ?? "row", ...VERDICTS, ...shares].map(textCell).join(",")}\n`;
}

/** The lines of some rows; without keys, the first has the number `first`. */
export function scoredLines(first: number, keys: readonly string[], scores: Scores): string {
  const rows = scores.similarity.length;
  const width = scores.contribution === null ? 0 : scores.contribution.length / rows;
  let text = "";
  for (let i = 0; i < rows; i++) {
    const key = keys.length > 0 ? textCell(keys[i]!) : String(first + i);
    text += `${key},${shortest(scores.similarity[i]!)},${scores.isAnomaly[i]},${scores.isValid[i]}`;
    for (let j = 0; j < width; j++) text += `,${shortest(scores.contribution![i * width + j]!)}`;
    text += "\n";
  }
  return text;
}

/** A text as a cell of CSV; a spreadsheet takes no formula from it, for one gets an apostrophe in front. */
function textCell(text: string): string {
  const cell = FORMULA.test(text) && !isNumber(text) ? `'${text}` : text;
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
