import type { Card, Comparison } from "./contract.ts";

/** What the golden rows showed in this browser. */
export interface Verdict extends Comparison {
  /** Name and version of what ran. */
  runtime: string;
  provider: string;
  /** What it ran on, as the browser calls it; null for the processor. */
  device: string | null;
  /** The median time of one row's decision. */
  microseconds: number;
}

/** A model that passed its self-test. */
export interface Model {
  path: string;
  card: Card;
  /** Whether it says how much each feature weighs. */
  explains: boolean;
  verdict: Verdict;
  /** The provider that was asked for, and why another runs the model; null where it is the one that was asked for. */
  instead: { of: string; why: string } | null;
}

/** A scored table, as far as the page needs it at once; the worker keeps the rest. */
export interface Judged {
  table: string;
  model: Model;
  columns: readonly string[];
  key: string | null;
  rows: number;
  /** Judged rows (counted from 0), the least similar first. */
  order: Uint32Array;
  /** Their similarities, ascending. */
  sorted: Float32Array;
  /** Rows that could not be judged. */
  unjudged: Uint32Array;
}

/** One row in full. */
export interface Row {
  /** Counted from 1, as in the scored CSV. */
  number: number;
  key: string | null;
  similarity: number;
  isValid: boolean;
  /** Each feature's share of 1 - similarity. */
  contribution: Float32Array | null;
  /** The level of each category by the feature's position; null for text that the model does not know. */
  levels: Map<number, string | null>;
}

/** What the worker can be asked, and what it answers. */
export interface Calls {
  open: { asked: { path: string; bytes: Uint8Array; copy: Uint8Array | null; provider: string }; answer: Model };
  score: { asked: { file: File; key: string | null }; answer: Judged };
  rows: { asked: Uint32Array; answer: Row[] };
  /** The scored CSV; null stands for the model's own decisions. */
  download: { asked: number | null; answer: Blob };
}

export type Asked = { [K in keyof Calls]: { id: number; call: K; asked: Calls[K]["asked"] } }[keyof Calls] | "cancel";

export interface Fault {
  message: string;
  hint: string;
  cancelled: boolean;
}

export type Answered =
  | { id: number; answer: Calls[keyof Calls]["answer"] }
  | { id: number; fault: Fault }
  | { progress: Progress };

/** How far scoring is: rows so far, and the share of the file that was read. */
export interface Progress {
  rows: number;
  share: number;
}
