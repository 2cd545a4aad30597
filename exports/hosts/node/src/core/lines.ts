import { Problem } from "./problem.ts";
import { DEFAULT, type TableFormat } from "./reading.ts";
import { ENCODING_NAMES, transcoderOf } from "./transcoder.ts";

type Take = (line: number, cells: string[]) => void;

/** How messages call what separates cells. */
export const SEPARATORS: Record<string, string> = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "blank" };
const LONGEST_ROW = 2 ** 24;
const NEWLINE = 10;
const BYTE_ORDER_MARK = "\ufeff";

/** What to do about a row that is none. */
export function quoting({ delimiter }: TableFormat): string {
  if (delimiter === " ") return "Runs of blanks and tabs separate cells, and quotes have no meaning.";
  return `A cell that holds a ${SEPARATORS[delimiter]!}, a quote or a line end is written in quotes, and a quote in it twice.`;
}

/**
 * Splits a text file that comes in pieces into rows: where cells are not separated by blanks, by RFC 4180 and as strictly as
 * Python's csv module. `take` gets the number of the line on which a row starts, from 1, and its cells. A blank line is not a
 * row, nor is what the format leaves out before and between rows. No more than a row's bytes and a piece are held at a time.
 */
export class LineReader {
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Of a line whose end has not come. */
  private pieces: Uint8Array[] = [];
  private held = 0;
  private line = 0;
  private rowLine = 1;
  private cells: string[] = [];
  /** The beginning of a quoted cell that goes on in the next line; null outside of one. */
  private open: string | null = null;
  /** Of the lines before, of a row that goes on in the next. */
  private rowBytes = 0;
  private readonly delimiter: string;
  private readonly transcoder;
  /** Whether lines are left out until the one whose first cell is the format's `header`. */
  private isBeforeHeader: boolean;

  constructor(
    private readonly path: string,
    private readonly take: Take,
    private readonly format: TableFormat = DEFAULT,
  ) {
    this.delimiter = format.delimiter;
    this.transcoder = transcoderOf(format.encoding);
    this.isBeforeHeader = typeof format.header === "string";
  }

  push(bytes: Uint8Array): void {
    this.pushText(this.transcoder === null ? bytes : this.transcoder.push(bytes));
  }

  end(): void {
    if (this.transcoder !== null) this.pushText(this.transcoder.end());
    this.readPieces();
    if (this.open !== null) throw this.fault("a quote is opened and never closed.");
  }

  /** Takes bytes of UTF-8. */
  private pushText(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      this.pieces.push(bytes.subarray(0, end));
      this.readPieces();
    }
    if (end === bytes.length) return;
    this.held += bytes.length - end;
    this.checkRow(this.held);
    this.pieces.push(bytes.slice(end)); // a copy: the caller may use its buffer again
  }

  /** Reads whole lines. */
  private readPieces(): void {
    const block = joined(this.pieces);
    this.pieces = [];
    this.held = 0;
    let text: string;
    try {
      text = this.decoder.decode(block);
    } catch {
      this.readLineByLine(block);
      return;
    }
    this.readText(text);
  }

  /** Reads a block that is not UTF-8: up to the line at fault, whose number it then names. */
  private readLineByLine(block: Uint8Array): void {
    for (let start = 0, end = 0; start < block.length; start = end) {
      const newline = block.indexOf(NEWLINE, start);
      end = newline < 0 ? block.length : newline + 1;
      this.checkRow(end - start);
      let text: string;
      try {
        text = this.decoder.decode(block.subarray(start, end));
      } catch {
        const name = ENCODING_NAMES[this.format.encoding]!;
        throw new Problem(`${this.path}, line ${this.line + 1}: not ${name} text.`, `Save the table as ${name}.`);
      }
      this.readText(text);
    }
  }

  private readText(text: string): void {
    for (let start = 0, end = 0; start < text.length; start = end) {
      const newline = text.indexOf("\n", start);
      end = newline < 0 ? text.length : newline + 1;
      // most lines are so short that there is no need to count
      if (3 * (end - start) > LONGEST_ROW - this.rowBytes) this.checkRow(byteLength(text, start, end));
      const line = text.slice(start, newline < 0 ? end : newline);
      this.line++;
      this.readLine(this.line === 1 && line.startsWith(BYTE_ORDER_MARK) ? line.slice(1) : line);
      this.rowBytes = this.open === null ? 0 : this.rowBytes + byteLength(text, start, end);
    }
  }

  /** Throws where the next line, of so many bytes, makes its row too long. */
  private checkRow(bytes: number): void {
    if (this.rowBytes + bytes <= LONGEST_ROW) return;
    const line = this.open === null ? this.line + 1 : this.rowLine;
    throw new Problem(
      `${this.path}, line ${line}: the row is longer than 16 MiB.`,
      "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.",
    );
  }

  private readLine(line: string): void {
    if (this.open === null) {
      this.rowLine = this.line;
      if (this.format !== DEFAULT && this.isLeftOut(line)) return;
      if (this.delimiter === " ") return this.readBlanks(line);
    }
    if (this.open === null && !line.includes('"')) {
      let end = line.length;
      while (line[end - 1] === "\r") end--;
      if (end === 0) return;
      const content = line.slice(0, end);
      if (!content.includes("\r")) {
        this.take(this.line, content.split(this.delimiter));
        return;
      }
    }
    this.readQuoted(line);
  }

  /** Whether the format leaves out a line that would begin a row. */
  private isLeftOut(line: string): boolean {
    const { skip_rows: skipped, comment, header } = this.format;
    if (this.line <= skipped) return true;
    if (this.isBeforeHeader) {
      this.isBeforeHeader = this.firstCell(line) !== header;
      return this.isBeforeHeader;
    }
    return (this.delimiter === "\t" ? /^[ \r]*$/ : /^[ \t\r]*$/).test(line) || (comment !== "" && line.startsWith(comment));
  }

  /** The first cell of a line by itself, without blanks around it. */
  private firstCell(line: string): string {
    const content = line.replace(/\r+$/, "");
    const { second_delimiter: second } = this.format;
    const quoted = /^"((?:[^"]|"")*)"/.exec(content)?.[1]?.replaceAll('""', '"');
    const first = this.delimiter === " " ? /[^ \t]+/.exec(content)?.[0] ?? "" : quoted ?? content.split(this.delimiter, 1)[0]!;
    return (second === "" ? first : first.split(second, 1)[0]!).replace(/^[ \t]+|[ \t]+$/g, "");
  }

  /** Reads a line whose cells are separated by runs of blanks and tabs. */
  private readBlanks(line: string): void {
    const content = line.replace(/[ \t\r]+$/, "");
    if (content.includes("\r")) throw this.carriageReturn();
    this.take(this.line, content.replace(/^[ \t]+/, "").split(/[ \t]+/));
  }

  /** Reads a line with quotes in it, or one that goes on with a quoted cell or is at fault. */
  private readQuoted(line: string): void {
    let at = 0;
    for (;;) {
      if (this.open === null && line[at] === '"') {
        this.open = "";
        at++;
      }
      at = this.open === null ? this.readPlainCell(line, at) : this.readQuotedCell(line, at);
      if (at < 0) return; // the quoted cell goes on in the next line
      if (line[at] !== this.delimiter) break;
      at++;
    }
    if (/[^\r]/.test(line.slice(at))) throw this.carriageReturn();
    const { cells } = this;
    this.cells = [];
    if (cells.length > 1 || cells[0] !== "" || line.includes('"') || this.rowLine !== this.line) this.take(this.rowLine, cells);
  }

  /** Where the cell ends. */
  private readPlainCell(line: string, start: number): number {
    let end = start;
    while (end < line.length && line[end] !== this.delimiter && line[end] !== "\r") end++;
    this.cells.push(line.slice(start, end));
    return end;
  }

  /** Where the cell ends, behind its closing quote; -1 where it goes on in the next line. */
  private readQuotedCell(line: string, start: number): number {
    for (let at = start; ; ) {
      const quote = line.indexOf('"', at);
      if (quote < 0) {
        this.open += `${line.slice(at)}\n`;
        return -1;
      }
      this.open += line.slice(at, quote);
      if (line[quote + 1] === '"') {
        this.open += '"';
        at = quote + 2;
        continue;
      }
      const after = line[quote + 1];
      if (after !== undefined && after !== this.delimiter && after !== "\r") {
        throw this.fault(`found text after a closing quote; expected a ${SEPARATORS[this.delimiter]!} or the end of the line.`);
      }
      this.cells.push(this.open!);
      this.open = null;
      return quote + 1;
    }
  }

  private carriageReturn(): Problem {
    return this.fault(
      "found a carriage return without a line feed; expected lines that end in LF or CRLF.",
      "Save the table with Unix or Windows line ends.",
    );
  }

  private fault(what: string, hint = quoting(this.format)): Problem {
    return new Problem(`${this.path}, line ${this.rowLine}: ${what}`, hint);
  }
}

/** How many bytes a part of a text has in UTF-8. */
function byteLength(text: string, start: number, end: number): number {
  let bytes = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    const isHalf = (code & 0xf800) === 0xd800; // of a pair, which has four bytes
    bytes += code < 0x80 ? 1 : code < 0x800 || isHalf ? 2 : 3;
  }
  return bytes;
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
