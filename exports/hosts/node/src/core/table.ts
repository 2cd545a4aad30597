import { firstCharacters, parseCell, showCell } from "./cells.ts";
import { LineReader, quoting, SEPARATORS } from "./lines.ts";
import { Problem } from "./problem.ts";
import { DEFAULT, type Encoding, isPlain, type TableFormat } from "./reading.ts";
import { expected, type Parser, parserOf, strip } from "./values.ts";

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

/** A row, and the number of the line that it starts on. */
type Row = [line: number, cells: string[]];

/**
 * Reads a text file that comes in pieces, in the format of a card, and finds its columns by name. The first fault in the order
 * of the file is thrown as a Problem.
 */
export class TableReader {
  private readonly lines: LineReader;
  private readonly parsers: Parser[];
  private names: readonly string[] | null = null;
  private wanted: number[] = [];
  private readonly batchRows: number;
  private kept = -1;
  private readonly values: Float32Array;
  private keys: string[] = [];
  private rows = 0;
  private pushed = 0;
  private ready: Batch[] = [];
  /** Rows of units that have not come yet. */
  private units: number;
  /** The last rows, which may be a footer. */
  private readonly last: Row[] = [];
  private lastRows = 0;

  /** `path` is for messages; `encodings` are of the columns to read; `key` is a column to carry along, or null. */
  constructor(
    private readonly path: string,
    private readonly encodings: readonly Encoding[],
    private readonly key: string | null = null,
    private readonly format: TableFormat = DEFAULT,
  ) {
    this.lines = new LineReader(path, (line, cells) => this.take(line, cells), format);
    this.parsers = encodings.map((encoding) => (format === DEFAULT && isPlain(encoding) ? parseCell : parserOf(encoding, format)));
    this.units = format.units_rows;
    this.batchRows = batchRows(encodings.length);
    this.values = new Float32Array(this.batchRows * encodings.length);
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

  /** The names of the file's columns, once they were read. */
  get columns(): readonly string[] {
    return this.names ?? [];
  }

  private taken(): Batch[] {
    const batches = this.ready;
    this.ready = [];
    return batches;
  }

  private take(line: number, given: string[]): void {
    if (this.format === DEFAULT) {
      if (this.names === null) this.readHeader(given);
      else this.read(line, given);
      return;
    }
    const { header, second_delimiter: second, skip_footer: footer } = this.format;
    let cells = (second === "" ? given : given.flatMap((cell) => cell.split(second))).map(strip);
    if (this.names === null) {
      if (typeof header === "string") cells = cells.slice(1);
      this.readHeader(header === false ? cells.map((_, i) => `c${i + 1}`) : withoutLast(cells));
      if (header !== false) return;
    }
    if (this.units-- > 0) return;
    if (footer === 0) {
      this.read(line, cells);
      return;
    }
    const place = this.lastRows++ % footer;
    const before = this.last[place];
    this.last[place] = [line, cells];
    if (before !== undefined) this.read(...before);
  }

  private read(line: number, cells: string[]): void {
    const names = this.names!;
    const isOneMore = this.format !== DEFAULT && cells.length === names.length + 1 && cells.at(-1) === "";
    if (cells.length !== names.length && !isOneMore) {
      const first = this.format.header === false ? "first row" : "header";
      const found = `${this.path}, line ${line}: found ${cells.length} cells, expected ${names.length} as in the ${first}.`;
      throw new Problem(found, quoting(this.format));
    }
    let at = this.rows * this.wanted.length;
    for (let i = 0; i < this.wanted.length; i++) {
      const cell = cells[this.wanted[i]!]!;
      const value = this.parsers[i]!(cell);
      if (value === undefined) throw this.notAllowed(line, this.encodings[i]!, cell);
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

  private readHeader(names: readonly string[]): void {
    const { delimiter, header } = this.format;
    const [only] = names;
    if (names.length === 1 && this.isOtherFormat(only!)) {
      const start = firstCharacters(only!, 40).join("");
      const found = `${this.path}: the header is one column, '${start}'`;
      const hint = this.format === DEFAULT ? "Save the table with commas, as UTF-8." : "Save the table as the one that the model was trained on.";
      throw new Problem(`${found}; expected ${SEPARATORS[delimiter]!}s between columns.`, hint);
    }
    if (names.length === 0) throw this.empty(header);
    const positions = new Map<string, number>();
    const isDefault = this.format === DEFAULT;
    for (const [i, name] of names.entries()) {
      if (isDefault && name === "") throw new Problem(`${this.path}: column ${i + 1} has no name.`, "Give every column a name of its own.");
      if (isDefault && positions.has(name)) throw this.repeated(name);
      if (!positions.has(name)) positions.set(name, i); // in other formats, the first of several counts
    }
    this.names = names;
    const position = (wanted: string): number => {
      const name = isDefault ? wanted : strip(wanted);
      return positions.get(name) ?? this.refuseWithout(name, names);
    };
    this.wanted = this.encodings.map(({ column }) => position(column));
    if (this.key !== null) this.kept = position(this.key);
  }

  /** Whether the only name of a header shows that other signs separate its columns. */
  private isOtherFormat(only: string): boolean {
    if (this.format === DEFAULT) return /[;\t]/.test(only);
    return this.format.header !== false && /[,;\t|]/.test(only) && !this.encodings.some(({ column }) => column === only);
  }

  private empty(header: boolean | string): Problem {
    if (typeof header === "string") {
      return new Problem(`${this.path} has no line that begins with '${showCell(header)}', which the column names come after.`, "Is it such a table?");
    }
    if (header === false) return new Problem(`${this.path} is empty; expected rows of values.`, "Name a table with rows.");
    return new Problem(`${this.path} is empty; expected a header line with column names.`, "Write the column names into its first line.");
  }

  private repeated(name: string): Problem {
    return new Problem(`${this.path}: two columns are called '${name}'.`, "Rename or remove one of them.");
  }

  private refuseWithout(name: string, names: readonly string[]): never {
    const shown = names.slice(0, 12).join(", ") + (names.length > 12 ? ", ..." : "");
    throw new Problem(`${this.path} has no column '${name}'.`, `It has: ${shown}`);
  }

  private notAllowed(line: number, encoding: Encoding, cell: string): Problem {
    const [what, hint] = expected(encoding, this.format);
    return new Problem(`${this.path}, line ${line}, column '${encoding.column}': found '${showCell(cell)}', expected ${what}.`, hint);
  }
}

/** Names without the last if it is empty: it is no column. */
function withoutLast(names: readonly string[]): readonly string[] {
  return names.length > 1 && names.at(-1) === "" ? names.slice(0, -1) : names;
}
