import type { Card, Feature } from "./card.ts";

/** The format of text files, as a card's `table` has it; see docs/table-formats.md of aetk. */
export interface TableFormat {
  /** Between the cells of a row; a blank stands for any run of blanks and tabs, without quotes. */
  readonly delimiter: string;
  /** Text that also separates cells; empty for none. */
  readonly second_delimiter: string;
  readonly decimal: string;
  /** The sign between groups of three digits; empty for none. */
  readonly thousands: string;
  readonly encoding: string;
  /** True if the first row holds the names, false if none does, or the first cell of the line that holds the names after it. */
  readonly header: boolean | string;
  readonly skip_rows: number;
  /** Lines that begin with this text are left out; empty for none. */
  readonly comment: string;
  readonly units_rows: number;
  readonly skip_footer: number;
  /** Cells that mean a missing value, beside empty, NA, NaN and null. */
  readonly missing: readonly string[];
  readonly labels: { readonly column: string; readonly anomaly: readonly string[]; readonly ordinary: readonly string[] } | null;
}

/** How the cells of one column of a table become one feature. At most one of levels, truths, another notation and a time is there. */
export interface Encoding {
  /** The table's column: that of the feature's name, except for a time. */
  readonly column: string;
  /** A cell becomes the index of its level, and their number for all other text and for a missing cell. */
  readonly levels: readonly string[];
  /** The text for false and for true, in lower case. */
  readonly truths: readonly string[];
  readonly notation: string;
  /** Cells of this column that mean a missing value, beside those of the table. */
  readonly missing: readonly string[];
  readonly timeFormat: string;
  readonly timePart: string;
}

/** Whether the cells of a column are decimal numbers, without markers of its own. */
export function isPlain({ levels, truths, notation, missing, timePart }: Encoding): boolean {
  return levels.length + truths.length + missing.length === 0 && notation === "decimal" && timePart === "";
}

/** Why what a card says of tables cannot be followed. */
export class Refused extends Error {}

/** The default format; what a card without `table` means, whose rows are read more strictly. */
export const DEFAULT: TableFormat = {
  delimiter: ",", second_delimiter: "", decimal: ".", thousands: "", encoding: "utf-8", header: true, skip_rows: 0,
  comment: "", units_rows: 0, skip_footer: 0, missing: [], labels: null,
};

export const PARTS = ["hour sine", "hour cosine", "weekday sine", "weekday cosine"];
export const TIME_FORMATS = ["ymd", "dmy", "mdy", "s", "ms", "us", "ns"];
const DELIMITERS = [",", ";", "\t", "|", " "];
const ENCODINGS = ["utf-8", "utf-16", "cp1252", "latin-1"];
const THOUSANDS = ["", ",", ".", " ", "'", "\u00a0", "\u202f"];
const NOTATIONS = ["decimal", "percent", "hex"];
const MOST_LEVELS = 63;
const MOST_LINES = 10 ** 6;
/** What a feature has in a card of contract 2 alone. */
const SECOND = ["levels", "truths", "notation", "markers", "time"];

/** The contract that a card needs: 2 if it says how tables become numbers, else 1. */
export function contractOf(card: Card): number {
  return "table" in card || card.features.some((feature) => SECOND.some((key) => key in feature)) ? 2 : 1;
}

/** The format of the text files of a card; throws Refused for one that cannot be followed. */
export function formatOf(card: Card): TableFormat {
  return readFormat(card.table);
}

/** How the features of a card are read, in order; throws Refused for what cannot be followed. */
export function encodingsOf(card: Card): Encoding[] {
  return card.features.map(readEncoding);
}

/** The columns of a table that features are made of, each once, in order. */
export function columnsOf(encodings: readonly Encoding[]): string[] {
  return [...new Set(encodings.map(({ column }) => column))];
}

/** The format of a card's `table`; nothing is the default one. Throws Refused for one that cannot be followed. */
export function readFormat(data: unknown): TableFormat {
  if (data === undefined || data === null) return DEFAULT;
  if (typeof data !== "object" || Array.isArray(data)) {
    throw new Refused(`its table format is ${JSON.stringify(data).slice(0, 40)}; expected an object`);
  }
  const unknown = Object.keys(data).filter((key) => !Object.hasOwn(DEFAULT, key)).sort();
  if (unknown.length > 0) throw new Refused(`its table format has the unknown key '${unknown[0]!.slice(0, 40)}'`);
  const found = { ...DEFAULT, ...data };
  const { labels } = found;
  const right: [string, boolean][] = [
    ["delimiter", DELIMITERS.includes(found.delimiter)],
    ["decimal", found.decimal === "." || found.decimal === ","],
    ["thousands", THOUSANDS.includes(found.thousands) && found.thousands !== found.decimal],
    ["encoding", ENCODINGS.includes(found.encoding)],
    ["header", typeof found.header === "boolean" || (typeof found.header === "string" && found.header !== "")],
    ["text", [found.second_delimiter, found.comment].every(isText) && areTexts(found.missing)],
    ["count", [found.skip_rows, found.units_rows, found.skip_footer].every(isCount)],
    ["labels", labels === null || areLabels(labels)],
  ];
  for (const [what, isRight] of right) {
    if (!isRight) throw new Refused(`its table format cannot be followed: ${what}`);
  }
  return found;
}

/** How the cells of a feature of a card are read; throws Refused for what cannot be followed. */
export function readEncoding(feature: Feature): Encoding {
  const { name, levels = [], truths = [], notation = "decimal", markers = [], time = null } = feature;
  const isTime = time !== null;
  const sound =
    [levels, truths, markers].every(areTexts) &&
    new Set(levels).size === levels.length &&
    levels.length <= MOST_LEVELS &&
    (truths.length === 0 || (truths.length === 2 && truths[0] !== truths[1])) &&
    NOTATIONS.includes(notation) &&
    (!isTime || (isText(time.column ?? name) && TIME_FORMATS.includes(time.format) && PARTS.includes(time.part))) &&
    [levels.length > 0, truths.length > 0, notation !== "decimal", isTime].filter(Boolean).length <= 1;
  if (!sound) throw new Refused(`its feature '${name.slice(0, 40)}' cannot be read as it says`);
  return {
    column: time?.column ?? name, levels, truths, notation, missing: markers,
    timeFormat: time?.format ?? "", timePart: time?.part ?? "",
  };
}

const isText = (value: unknown): boolean => typeof value === "string";
const areTexts = (values: unknown): boolean => Array.isArray(values) && values.every(isText);
const isCount = (value: unknown): boolean => Number.isInteger(value) && 0 <= (value as number) && (value as number) <= MOST_LINES;
const areLabels = ({ anomaly, ordinary }: { anomaly: unknown; ordinary: unknown }): boolean =>
  Array.isArray(anomaly) && Array.isArray(ordinary) && anomaly.length > 0 !== ordinary.length > 0;
