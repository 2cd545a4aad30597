import { DEFAULT, ENCODING_NAMES, formatOf, SEPARATORS, type Card } from "../contract.ts";
import { byId } from "../dom.ts";
import { counted } from "../numbers.ts";

/** What a model's tables look like, in words. */
export function describedFormat(card: Card): string {
  const format = formatOf(card);
  if (format === DEFAULT) return "CSV with a header line, in UTF-8, with commas between cells";
  const { delimiter, second_delimiter: second, decimal, thousands, encoding, header, comment } = format;
  const left: [number, string][] = [
    [format.skip_rows, "line above the table"],
    [format.units_rows, "row of units"],
    [format.skip_footer, "row at the end"],
  ];
  const leftOut = left.filter(([count]) => count > 0).map(([count, noun]) => counted(count, noun));
  if (comment !== "") leftOut.push(`lines that begin with ${comment}`);
  return [
    `text in ${ENCODING_NAMES[encoding]!}`,
    delimiter === " " ? "blanks between cells" : `${SEPARATORS[delimiter]!}s between cells` + (second === "" ? "" : `, which “${second}” splits again`),
    ...(decimal === "," ? ["a decimal comma"] : []),
    ...(thousands === "" ? [] : [`“${thousands}” between thousands`]),
    header === true ? "a header line" : header === false ? "no header line: columns are called c1, c2, …" : `names in the line that begins with ${header}`,
    ...(leftOut.length === 0 ? [] : [`left out: ${leftOut.join(", ")}`]),
    ...(format.missing.length === 0 ? [] : [`missing: ${format.missing.join(" ")}`]),
  ].join("; ");
}

/** Say which tables the page takes. */
export function showFormat(card: Card): void {
  const isDefault = formatOf(card) === DEFAULT;
  byId("table-label", HTMLElement).textContent = isDefault ? "CSV file with a header line" : "Text file in the model’s format";
  byId("table-format", HTMLElement).textContent = isDefault ? "" : `The model takes ${describedFormat(card)}.`;
}
