import { constants, fstatSync, openSync, readlinkSync, realpathSync, statSync, writeSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";

import { cannotUse } from "./cannotuse.ts";

/** Standard input where something is read, standard output where something is written. */
export const STANDARD = "-";

/** The reader of a stream went away. */
export class ReaderLeft extends Error {}

/** What is written to: a descriptor, and how messages name it. */
export interface Stream {
  descriptor: number;
  name: string;
}

const OPEN_FILES = /^\/proc\/(\d+)(?:\/task\/\d+)?\/fd$|^\/dev\/fd$/;
const LINKS = 40;

/** How messages name a path. */
export function titled(path: string, stream: "input" | "output"): string {
  return path === STANDARD ? `standard ${stream}` : path;
}

/** The descriptor of this process that a path names, 1 for `-` and `/dev/stdout`; null for any other path. */
export function ownDescriptor(path: string): number | null {
  const { owner, descriptor } = openFile(path);
  return owner === self() ? descriptor : null;
}

/**
 * Whether this process was started with its standard input closed. Node.js then opens /dev/null in its place, to read and to
 * write, which a shell's `< /dev/null` is not.
 */
export function inputIsClosed(): boolean {
  try {
    if (fstatSync(0).rdev !== statSync("/dev/null").rdev) return false;
    writeSync(0, "");
    return true;
  } catch {
    return false;
  }
}

/** Whether a path leads to what is never replaced: `-`, an open file of a process, a pipe, a device, a socket. */
export function isStream(path: string): boolean {
  if (openFile(path).owner !== null) return true;
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && (status.isFIFO() || status.isCharacterDevice() || status.isSocket());
}

/** Opens a stream to write to. */
export function openStream(path: string): Stream {
  const name = titled(path, "output");
  try {
    // appended, for there are open files of other processes
    return { descriptor: ownDescriptor(path) ?? openSync(path, constants.O_WRONLY | constants.O_APPEND), name };
  } catch (error) {
    throw cannotUse(name, error);
  }
}

/** Writes all of a text; throws ReaderLeft where nobody reads it any more. */
export function send(stream: Stream, text: string): void {
  for (let left = Buffer.from(text); left.length > 0; ) {
    try {
      left = left.subarray(writeSync(stream.descriptor, left));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") throw new ReaderLeft();
      if (code !== "EAGAIN") throw cannotUse(stream.name, error);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // another program made it one that does not wait
    }
  }
}

/** The process and the descriptor that a path names, by whatever links; no process for a file by its own name. */
function openFile(path: string): { owner: string | null; descriptor: number } {
  if (path === STANDARD) return { owner: self(), descriptor: 1 };
  let here = resolve(path);
  for (let i = 0; i < LINKS; i++) {
    try {
      const folder = realpathSync(dirname(here));
      const match = OPEN_FILES.exec(folder);
      if (match !== null && /^\d+$/.test(basename(here))) {
        return { owner: match[1] ?? self(), descriptor: Number(basename(here)) };
      }
      here = resolve(folder, readlinkSync(resolve(folder, basename(here))));
    } catch {
      break; // no link
    }
  }
  return { owner: null, descriptor: -1 };
}

/** This process, as /proc calls it. */
function self(): string {
  try {
    return readlinkSync("/proc/self");
  } catch {
    return String(process.pid);
  }
}
