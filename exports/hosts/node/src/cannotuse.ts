import { Problem } from "./core/problem.ts";

const FAILED_DEVICE = ["EIO", "ENOSPC", "EDQUOT"];
/** Where Node.js says it in other words than the C library, and with it the other hosts. */
const C_LIBRARY: Readonly<Record<string, string>> = {
  EBUSY: "Device or resource busy",
  EDQUOT: "Disk quota exceeded",
  EIO: "Input/output error",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
};

/** A Problem out of what the operating system says of a file; any other error as it is. */
export function cannotUse(path: string, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const words = /^\w+: (.*?), \w+/.exec(message)?.[1] ?? code;
  const reason = C_LIBRARY[code] ?? words[0]!.toUpperCase() + words.slice(1);
  return new Problem(`Cannot use ${path}: ${reason}.`, "", FAILED_DEVICE.includes(code) ? 3 : 2);
}
