import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

import type { InferenceSession } from "onnxruntime-node";

import { cannotUse } from "./cannotuse.ts";
import type { Card } from "./core/card.ts";
import { type Scores, type Selftest, selftest } from "./core/golden.ts";
import { cardPath, EXPORT, LARGEST_MODEL, readModelFile } from "./core/model.ts";
import { Problem } from "./core/problem.ts";
import { checkSignature } from "./signature.ts";

export type { Card, Scores, Selftest };
export { Problem };

export const PROVIDER = "CPUExecutionProvider";
type Runtime = typeof import("onnxruntime-node");

const TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY";
const ERRORS_ONLY = 3;
const PIECE_BYTES = 2 ** 20;

export interface Options {
  /** Threads of one call; the runtime chooses where none are given. */
  threads?: number;
  /** The path of a public Ed25519 key (PEM) whose owner must have signed the file, in `NAME.onnx.sig`. */
  trustedKey?: string;
}

/** A model and its card, held against each other. */
export class Detector {
  /** The columns, in the order in which `score` takes them. */
  readonly features: readonly string[];
  readonly threshold: number;
  /** The library that runs the model, and its version. */
  readonly runtime: string;

  private constructor(
    readonly path: string,
    readonly card: Card,
    private readonly ort: Runtime,
    private readonly session: InferenceSession,
  ) {
    this.features = card.features.map((feature) => feature.name);
    this.threshold = card.threshold.value;
    this.runtime = `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`;
  }

  /**
   * Opens an `.onnx` file; a card beside it (`NAME.card.json`) must be the one inside it.
   *
   * Rejects with a Problem: exit code 2 for a file that is not such a model, 1 where it was changed or is not signed, 3
   * where the runtime is not installed or cannot run it.
   */
  static async open(path: string, options: Options = {}): Promise<Detector> {
    const file = readModel(path);
    if (options.trustedKey !== undefined) checkSignature(path, file, options.trustedKey);
    const { bytes, card } = readModelFile(path, file, readCopy(cardPath(path)));
    const ort = await loadRuntime();
    const settings: InferenceSession.SessionOptions = { executionProviders: ["cpu"], logSeverityLevel: ERRORS_ONLY };
    if (options.threads !== undefined) settings.intraOpNumThreads = options.threads;
    try {
      return new Detector(path, card, ort, await ort.InferenceSession.create(bytes, settings));
    } catch (error) {
      throw cannotRun(card, error);
    }
  }

  /** A row from values by column name; null stands for a missing one, other names are ignored. */
  row(values: Readonly<Record<string, number | null | undefined>>): Float32Array {
    return Float32Array.from(this.features, (name) => {
      const value = values[name];
      if (value === undefined) throw new Problem(`No value for '${name}'.`, `The model takes: ${this.features.join(", ")}.`);
      return value ?? NaN;
    });
  }

  /** Judges rows, one after the other in `rows`, of raw values in the order of `features`. */
  async score(rows: Float32Array): Promise<Scores> {
    const width = this.features.length;
    if (rows.length % width !== 0) {
      throw new Problem(`Found ${rows.length} values, expected a multiple of ${width}.`);
    }
    let answers: InferenceSession.OnnxValueMapType;
    try {
      answers = await this.session.run({ features: new this.ort.Tensor("float32", rows, [rows.length / width, width]) });
    } catch (error) {
      throw cannotRun(this.card, error);
    }
    return {
      similarity: answers["similarity"]!.data as Float32Array,
      isAnomaly: answers["is_anomaly"]!.data as Uint8Array,
      isValid: answers["is_valid"]!.data as Uint8Array,
      contribution: (answers["contribution"]?.data ?? null) as Float32Array | null,
    };
  }

  /** Replays the golden rows, all at once and one by one, and takes the time of one decision. */
  selftest(): Promise<Selftest> {
    return selftest(this.card, (rows) => this.score(rows), () => performance.now());
  }
}

function readModel(path: string): Uint8Array {
  try {
    return readBounded(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new Problem(`No such model: ${path}.`, EXPORT);
    if (code === "EISDIR") throw new Problem(`${path} is a folder; expected an .onnx file.`, "Name the file in it.");
    throw cannotUse(path, error);
  }
}

/** A copy's bytes, null where there is none; of what is not a regular file, such as a pipe, none is waited for. */
function readCopy(path: string): Uint8Array | null {
  try {
    if (!existsSync(path)) return null;
    return statSync(path).isFile() ? readBounded(path) : new Uint8Array();
  } catch (error) {
    throw cannotUse(path, error);
  }
}

/** A file's bytes, or as many as are too many for a model: what has no end, such as a device, is not read to its end. */
function readBounded(path: string): Uint8Array {
  const file = openSync(path, "r");
  try {
    const pieces: Uint8Array[] = [];
    for (let size = 0; size <= LARGEST_MODEL; ) {
      const piece = new Uint8Array(PIECE_BYTES);
      const read = readSync(file, piece);
      if (read === 0) break;
      pieces.push(piece.subarray(0, read));
      size += read;
    }
    return Buffer.concat(pieces);
  } finally {
    closeSync(file);
  }
}

/**
 * The library is loaded late, so that its absence can be told in words, and with its telemetry switched off: it looks at the
 * variable once, when it is loaded, and would send usage data.
 */
async function loadRuntime(): Promise<Runtime> {
  if (!isMainThread && process.env[TELEMETRY_OFF] === undefined) {
    throw new Problem(
      "A worker thread cannot switch ONNX Runtime's telemetry off: its environment is a copy.",
      `Before the worker starts, in the main thread: process.env.${TELEMETRY_OFF} = "1"`,
      3,
    );
  }
  process.env[TELEMETRY_OFF] ??= "1";
  try {
    const ort = await import("onnxruntime-node");
    ort.env.logLevel = "error";
    return ort;
  } catch (error) {
    throw new Problem(`onnxruntime-node cannot be loaded: ${firstLine(error)}`, "Install it with: npm install", 3);
  }
}

function cannotRun(card: Card, error: unknown): Problem {
  return new Problem(`${PROVIDER} cannot run this model: ${firstLine(error)}`, `The model requires ${card.requires}.`, 3);
}

function firstLine(error: unknown): string {
  const [first] = String(error instanceof Error ? error.message : error).trim().split("\n");
  return first!.slice(0, 300);
}
