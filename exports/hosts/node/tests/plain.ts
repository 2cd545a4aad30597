import { readEncoding } from "../src/core/reading.ts";
import { TableReader } from "../src/core/table.ts";

/** A reader of columns of numbers in the default format. */
export function reader(columns: readonly string[], key: string | null = null): TableReader {
  const encodings = columns.map((name, position) => readEncoding({ name, position, quantiles: [], missing: "reject", fill: null }));
  return new TableReader("t.csv", encodings, key);
}
