import { LineReader, QUOTING } from "./lines.ts";
import { firstCharacters, parseCell, showCell } from "./cells.ts";
import { Problem } from "./problem.ts";

/** Consecutive rows of a table. */
export interface Batch {
  /** [rows, columns], row by row; NaN where missing, infinite beyond float32. */
  values: Float32Array;
  rows: number;
  /** The cells of the column that is carried along; none if none is. */
  keys: string[];
}

const BATCH_ROWS = 4096;
/** How much of a file comes between two batches, about: rows may be long. */
const BATCH_BYTES = 2 ** 22;

/** The most rows of a batch, for tables of so many columns. */
export function batchRows(columns: number): number {
  return Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_BYTES / columns)));
}

/**
 * Reads a CSV file (UTF-8, a header) that comes in pieces, and finds its columns by name. The first fault in the order of the file is
 * thrown as a Problem.
 */
export class TableReader {
  private readonly lines: LineReader;
  private names: readonly string[] | null = null;
  private wanted: number[] = [];
  private readonly batchRows: number;
  private kept = -1;
  private readonly values: Float32Array;
  private keys: string[] = [];
  private rows = 0;
  private pushed = 0;
  private ready: Batch[] = [];

  /** `path` is for messages; `columns` are read as numbers; `key` is a column to carry along, or null. */
  constructor(
    private readonly path: string,
    private readonly columns: readonly string[],
    private readonly key: string | null = null,
  ) {
    this.lines = new LineReader(path, (line, cells) => this.take(line, cells));
    this.batchRows = batchRows(columns.length);
    this.values = new Float32Array(this.batchRows * columns.length);
  }

  /** Takes the next bytes of the file; returns the batches that they completed. */
  push(bytes: Uint8Array): Batch[] {
    this.lines.push(bytes);
    this.pushed += bytes.length;
    if (this.pushed > BATCH_BYTES) this.flush();
    return this.taken();
  }

  /** Takes the end of the file; returns what was left. */
  end(): Batch[] {
    this.lines.end();
    if (this.names === null) this.readHeader([]);
    this.flush();
    return this.taken();
  }

  private taken(): Batch[] {
    const batches = this.ready;
    this.ready = [];
    return batches;
  }

  private take(line: number, cells: string[]): void {
    if (this.names === null) {
      this.readHeader(cells);
      return;
    }
    if (cells.length !== this.names.length) {
      throw new Problem(
        `${this.path}, line ${line}: found ${cells.length} cells, expected ${this.names.length} as in the header.`,
        QUOTING,
      );
    }
    let at = this.rows * this.wanted.length;
    for (const position of this.wanted) {
      const value = parseCell(cells[position]!);
      if (value === undefined) throw this.notANumber(line, this.names[position]!, cells[position]!);
      this.values[at++] = value;
    }
    if (this.kept >= 0) this.keys.push(cells[this.kept]!);
    if (++this.rows === this.batchRows) this.flush();
  }

  private flush(): void {
    this.pushed = 0;
    if (this.rows === 0) return;
    const values = this.values.slice(0, this.rows * this.wanted.length);
    this.ready.push({ values, rows: this.rows, keys: this.keys });
    this.rows = 0;
    this.keys = [];
  }

  private readHeader(names: string[]): void {
    const [only] = names;
    if (names.length === 1 && /[;\t]/.test(only!)) {
      const start = firstCharacters(only!, 40).join("");
      const found = `${this.path}: the header is one column, '${start}'`;
      throw new Problem(`${found}; expected commas between columns.`, "Save the table with commas, as UTF-8.");
    }
    if (names.length === 0) throw new Problem(`${this.path} is empty; expected a header line with column names.`, "Write the column names into its first line.");
    const positions = new Map<string, number>();
    for (const [i, name] of names.entries()) {
      if (name === "") throw new Problem(`${this.path}: column ${i + 1} has no name.`, "Give every column a name of its own.");
      if (positions.has(name)) throw new Problem(`${this.path}: two columns are called '${name}'.`, "Rename or remove one of them.");
      positions.set(name, i);
    }
    this.names = names;
    const position = (name: string): number => positions.get(name) ?? this.refuseWithout(name, names);
    this.wanted = this.columns.map(position);
    if (this.key !== null) this.kept = position(this.key);
  }

  private refuseWithout(name: string, names: string[]): never {
    const shown = names.slice(0, 12).join(", ") + (names.length > 12 ? ", ..." : "");
    throw new Problem(`${this.path} has no column '${name}'.`, `It has: ${shown}`);
  }

  private notANumber(line: number, column: string, cell: string): Problem {
    return new Problem(
      `${this.path}, line ${line}, column '${column}': found '${showCell(cell)}', expected a number.`,
      "Numbers look like 12, -3.5 or 1e-3; empty, NA, NaN and null are missing values.",
    );
  }
}
