import { randomBytes } from "node:crypto";
import {
  appendFileSync, closeSync, createReadStream, existsSync, fstatSync, fsyncSync, openSync, realpathSync, renameSync, rmSync,
  statSync,
} from "node:fs";
import { Socket } from "node:net";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

import { cannotUse } from "./cannotuse.ts";
import { Problem } from "./core/problem.ts";
import { checkKey, scoredHeader, scoredLines } from "./core/scored.ts";
import { type Batch, TableReader } from "./core/table.ts";
import type { Detector } from "./detector.ts";
import { inputIsClosed, isStream, openStream, send, STANDARD, titled } from "./streams.ts";

/** How a model's card says that tables are read. */
type Reading = Pick<Detector, "encodings" | "table">;

/** What came of scoring a table. */
export interface Counts {
  rows: number;
  anomalies: number;
  invalid: number;
}

type Content = (write: (text: string) => void) => Promise<void>;

const PIECE_BYTES = 2 ** 20;

/**
 * Scores a table, in the format that the card says, into a CSV file, which appears when it is complete; `key` is a column to carry along, or null. `-` is
 * standard input and standard output; what is not a file of its own name is written to as it is, and never replaced.
 */
export async function scoreTable(detector: Detector, data: string, out: string, key: string | null): Promise<Counts> {
  const there = out === STANDARD ? undefined : statSync(out, { throwIfNoEntry: false });
  if (there?.isDirectory() || there?.isBlockDevice()) {
    throw new Problem(`${out} is ${there.isDirectory() ? "a folder" : "no regular file"}; expected a file name.`, "Name a file.");
  }
  if ([data, detector.path].some((path) => isSame(path, out))) {
    throw new Problem(`${out} would be overwritten; it is read here.`, "Name another file with --out.");
  }
  checkKey(key, data);
  const counts: Counts = { rows: 0, anomalies: 0, invalid: 0 };
  const table = readTable(data, detector, key); // first, for a signal to end it while a pipe is waited for
  await (isStream(out) ? directly : atomically)(out, async (write) => {
    for await (const batch of table) {
      const scores = await detector.score(batch.values);
      if (counts.rows === 0) write(scoredHeader(key, detector.features, scores.contribution !== null));
      write(scoredLines(counts.rows + 1, batch.keys, scores));
      counts.rows += batch.rows;
      counts.anomalies += count(scores.isAnomaly, 1);
      counts.invalid += count(scores.isValid, 0);
    }
    if (counts.rows === 0) throw new Problem(`${titled(data, "input")} has a header and no rows.`, "Name a table with rows.");
  });
  return counts;
}

/**
 * The rows of a text file in a card's format, some thousands at a time. Opens it at once, which for a pipe waits until somebody writes to it.
 * Throws a Problem, or rejects with one at the first row that cannot be read.
 */
export function readTable(path: string, { encodings, table }: Reading, key: string | null): AsyncGenerator<Batch> {
  const name = titled(path, "input");
  if (path === STANDARD && inputIsClosed()) {
    throw new Problem("Standard input is closed.", "Name a file, or send a table through a pipe.");
  }
  try {
    return batches(bytes(path === STANDARD ? 0 : openSync(path, "r")), name, new TableReader(name, encodings, key, table));
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** A pipe is no matter for the thread pool: Node.js would not exit before a read that waits there came back. */
function bytes(file: number): Readable {
  const status = fstatSync(file);
  if (status.isFIFO() || status.isSocket()) return new Socket({ fd: file, readable: true, writable: false });
  return createReadStream("", { fd: file, highWaterMark: PIECE_BYTES });
}

async function* batches(input: Readable, path: string, reader: TableReader): AsyncGenerator<Batch> {
  try {
    for await (const piece of input) yield* reader.push(piece as Buffer);
  } catch (error) {
    throw unreadable(path, error);
  }
  yield* reader.end();
}

function unreadable(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new Problem(`No such file: ${path}.`, "Check the path, and the folder that it starts from.");
  if (code === "EISDIR") return new Problem(`${path} is a folder; expected a CSV file.`);
  return cannotUse(path, error);
}

/** Writes to a stream, as it is. */
async function directly(path: string, content: Content): Promise<void> {
  const stream = openStream(path);
  await content((text) => send(stream, text));
}

/** Writes a file under a temporary name beside it and renames it; nothing is left of one that was not finished. */
async function atomically(path: string, content: Content): Promise<void> {
  const target = existsSync(path) ? realpathSync(path) : path;
  // by chance, not by process: where processes are numbered again, one that was killed would stand in the next one's way
  const temporary = join(dirname(target), `.aetk-${randomBytes(8).toString("hex")}`);
  await removedOnSignals(temporary, () => writeAndRename(temporary, path, target, content));
}

async function writeAndRename(temporary: string, path: string, target: string, content: Content): Promise<void> {
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw cannotUse(path, error);
    }
  };
  const file = attempt(() => openSync(temporary, "wx"));
  let isOpen = true;
  try {
    // not writeSync, which may write a part only
    await content((text) => attempt(() => appendFileSync(file, text)));
    attempt(() => {
      fsyncSync(file);
      closeSync(file);
      isOpen = false;
      renameSync(temporary, target);
    });
  } finally {
    if (isOpen) closeSync(file);
    rmSync(temporary, { force: true });
  }
}

/** Does some work during which a file comes into being that a signal shall not leave behind. */
async function removedOnSignals(path: string, work: () => Promise<void>): Promise<void> {
  const stops: [NodeJS.Signals, () => void][] = [stop("SIGINT", 130), stop("SIGTERM", 143)];
  function stop(signal: NodeJS.Signals, exitCode: number): [NodeJS.Signals, () => void] {
    return [signal, () => (rmSync(path, { force: true }), process.exit(exitCode))];
  }
  for (const [signal, handle] of stops) process.on(signal, handle);
  try {
    await work();
  } finally {
    for (const [signal, handle] of stops) process.off(signal, handle);
  }
}

function isSame(one: string, other: string): boolean {
  if (!existsSync(one) || !existsSync(other)) return false;
  const [a, b] = [statSync(one), statSync(other)];
  return a.isFile() && a.dev === b.dev && a.ino === b.ino;
}

function count(flags: Uint8Array, wanted: number): number {
  return flags.reduce((total, flag) => total + (flag === wanted ? 1 : 0), 0);
}
