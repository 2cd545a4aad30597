import { Problem } from "./problem.ts";

type Take = (line: number, cells: string[]) => void;

const LONGEST_CELL = 2 ** 24;
const NEWLINE = 10;
const BYTE_ORDER_MARK = "\ufeff";

/**
 * Splits a CSV file that comes in pieces into rows, by RFC 4180 and as strictly as Python's csv module; `take` gets the
 * number of the line on which a row starts, from 1, and its cells. A blank line is no row.
 */
export class LineReader {
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  private pieces: Uint8Array[] = [];
  private line = 0;
  private rowLine = 1;
  private cells: string[] = [];
  /** The beginning of a quoted cell that goes on in the next line; null outside of one. */
  private open: string | null = null;
  private openCharacters = 0;

  constructor(
    private readonly path: string,
    private readonly take: Take,
  ) {}

  push(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const block = joined([...this.pieces, bytes.subarray(0, end)]);
      this.pieces = [];
      this.readBlock(block);
    }
    // a copy: the caller may use its buffer again
    if (end < bytes.length) this.pieces.push(bytes.slice(end));
  }

  end(): void {
    this.readBlock(joined(this.pieces));
    this.pieces = [];
    if (this.open !== null) throw this.fault("unexpected end of data");
  }

  /** Reads whole lines. */
  private readBlock(block: Uint8Array): void {
    let text: string;
    try {
      text = this.decoder.decode(block);
    } catch {
      this.readLineByLine(block);
      return;
    }
    this.readText(text);
  }

  /** Reads a block that is not UTF-8 as a whole: up to the line at fault, whose number it then names. */
  private readLineByLine(block: Uint8Array): void {
    for (let start = 0, end = 0; start < block.length; start = end) {
      const newline = block.indexOf(NEWLINE, start);
      end = newline < 0 ? block.length : newline + 1;
      let text: string;
      try {
        text = this.decoder.decode(block.subarray(start, end));
      } catch {
        throw new Problem(`${this.path}, line ${this.line + 1}: not UTF-8 text.`, "Save the table as UTF-8.");
      }
      this.readText(text);
    }
  }

  private readText(text: string): void {
    for (let start = 0, end = 0; start < text.length; start = end + 1) {
      end = text.indexOf("\n", start);
      if (end < 0) end = text.length;
      const line = text.slice(start, end);
      this.line++;
      this.readLine(this.line === 1 && line.startsWith(BYTE_ORDER_MARK) ? line.slice(1) : line);
    }
  }

  private readLine(line: string): void {
    if (this.open === null) this.rowLine = this.line;
    if (this.open === null && !line.includes('"') && line.length <= LONGEST_CELL) {
      let end = line.length;
      while (line[end - 1] === "\r") end--;
      if (end === 0) return;
      const content = line.slice(0, end);
      if (!content.includes("\r")) {
        this.take(this.line, content.split(","));
        return;
      }
    }
    this.readQuoted(line);
  }

  /** Reads a line with quotes in it, or one that goes on with a quoted cell or is at fault. */
  private readQuoted(line: string): void {
    let at = 0;
    for (;;) {
      if (this.open === null && line[at] === '"') {
        this.open = "";
        this.openCharacters = 0;
        at++;
      }
      at = this.open === null ? this.readPlainCell(line, at) : this.readQuotedCell(line, at);
      if (at < 0) return; // the quoted cell goes on in the next line
      if (line[at] !== ",") break;
      at++;
    }
    if (/[^\r]/.test(line.slice(at))) {
      throw this.fault("new-line character seen in unquoted field");
    }
    const { cells } = this;
    this.cells = [];
    if (cells.length > 1 || cells[0] !== "" || line.includes('"') || this.rowLine !== this.line) this.take(this.rowLine, cells);
  }

  /** Where the cell ends. */
  private readPlainCell(line: string, start: number): number {
    let end = start;
    while (end < line.length && line[end] !== "," && line[end] !== "\r") end++;
    const cell = line.slice(start, end);
    this.checkLength(characters(cell));
    this.cells.push(cell);
    return end;
  }

  /** Where the cell ends, behind its closing quote; -1 where it goes on in the next line. */
  private readQuotedCell(line: string, start: number): number {
    for (let at = start; ; ) {
      const quote = line.indexOf('"', at);
      if (quote < 0) {
        this.extend(`${line.slice(at)}\n`);
        return -1;
      }
      this.extend(line.slice(at, quote));
      if (line[quote + 1] === '"') {
        this.extend('"');
        at = quote + 2;
        continue;
      }
      const after = line[quote + 1];
      if (after !== undefined && after !== "," && after !== "\r") throw this.fault(`',' expected after '"'`);
      this.cells.push(this.open!);
      this.open = null;
      return quote + 1;
    }
  }

  /** Adds to the open cell; counts as it goes, since counting a long cell anew at each of its lines would never end. */
  private extend(text: string): void {
    this.open += text;
    this.openCharacters += characters(text);
    this.checkLength(this.openCharacters);
  }

  private checkLength(length: number): void {
    if (length > LONGEST_CELL) throw this.fault(`field larger than field limit (${LONGEST_CELL})`);
  }

  private fault(what: string): Problem {
    return new Problem(`${this.path}, line ${this.rowLine}: not a CSV row: ${what}.`);
  }
}

/** How many characters (code points) a text has. */
function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--; // the second half of a pair
  }
  return count;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
