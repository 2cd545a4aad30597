import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

import type { InferenceSession } from "onnxruntime-node";

import { cannotUse } from "./cannotuse.ts";
import type { Card } from "./core/card.ts";
import { type Comparison, passed, replay, type Scores, type Selftest, selftest } from "./core/golden.ts";
import { cardPath, EXPORT, LARGEST_MODEL, readModelFile } from "./core/model.ts";
import { Problem } from "./core/problem.ts";
import { columnsOf, type Encoding, encodingsOf, formatOf, type TableFormat } from "./core/reading.ts";
import { type RowReader, rowReader, type Value } from "./core/values.ts";
import { CPU, ELSEWHERE, environment, findProvider, PROVIDERS, reason, refused } from "./providers.ts";
import { checkSignature } from "./signature.ts";

export type { Card, Comparison, Scores, Selftest, Value };
export { Problem };

type Runtime = typeof import("onnxruntime-node");

const ERRORS_ONLY = 3;
const FATAL_ONLY = 4;
const NO_CPU = { session: { disable_cpu_ep_fallback: "1" } };
const PIECE_BYTES = 2 ** 20;

export interface Options {
  /** The execution provider that must run every node: cpu (where none is given), cuda, coreml, dml or webgpu. */
  provider?: string;
  /** Threads of one call; the runtime chooses where none are given. */
  threads?: number;
  /** The path of a public Ed25519 key (PEM) whose owner must have signed the file, in `NAME.onnx.sig`. */
  trustedKey?: string;
}

/** A model and its card, held against each other. */
export class Detector {
  /** The model's inputs, in the order in which `score` takes them. */
  readonly features: readonly string[];
  /** The columns of a table that they are made of: the names that `row` takes. */
  readonly columns: readonly string[];
  /** How the cells of those columns become inputs, one for each feature. */
  readonly encodings: readonly Encoding[];
  /** The format of the text files that the model was trained on. */
  readonly table: TableFormat;
  readonly threshold: number;
  /** The library that runs the model, and its version. */
  readonly runtime: string;
  private readonly readRow: RowReader;

  private constructor(
    readonly path: string,
    readonly card: Card,
    /** The execution provider that runs every node, as onnxruntime-node calls it. */
    readonly provider: string,
    private readonly ort: Runtime,
    private readonly session: InferenceSession,
  ) {
    this.features = card.features.map((feature) => feature.name);
    this.encodings = encodingsOf(card);
    this.columns = columnsOf(this.encodings);
    this.table = formatOf(card);
    this.readRow = rowReader(this.encodings, this.table);
    this.threshold = card.threshold.value;
    this.runtime = runtimeName(ort);
  }

  /**
   * Opens an `.onnx` file; a card beside it (`NAME.card.json`) must be the one inside it.
   *
   * Rejects with a Problem: exit code 2 for a file that is not such a model or an unknown provider, 1 where the file was changed
   * or is not signed, 3 where the runtime is not installed, or the provider cannot run every node of the model.
   */
  static async open(path: string, options: Options = {}): Promise<Detector> {
    const provider = findProvider(options.provider ?? CPU);
    const file = readModel(path);
    if (options.trustedKey !== undefined) checkSignature(path, file, options.trustedKey);
    const { bytes, card } = readModelFile(path, file, readCopy(cardPath(path)));
    const ort = await loadRuntime(provider);
    const settings: InferenceSession.SessionOptions = { executionProviders: [provider], logSeverityLevel: ERRORS_ONLY };
    if (options.threads !== undefined) settings.intraOpNumThreads = options.threads;
    if (provider !== CPU) {
      await checkProvider(ort, provider, bytes);
      // what the runtime logs is told in the Problem
      Object.assign(settings, { logSeverityLevel: FATAL_ONLY, extra: NO_CPU });
    }
    try {
      return new Detector(path, card, provider, ort, await ort.InferenceSession.create(bytes, settings));
    } catch (error) {
      throw cannotRun(card, provider, error);
    }
  }

  /**
   * A row from values by column name: numbers, the text of categories, true or false, times as text or Date; null stands for a
   * missing one, other names are ignored. Throws a Problem for a value that is not there or of another kind.
   */
  row(values: Readonly<Record<string, Value | undefined>>): Float32Array {
    return this.readRow(values);
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
      throw cannotRun(this.card, this.provider, error);
    }
    return {
      similarity: answers["similarity"]!.data as Float32Array,
      isAnomaly: answers["is_anomaly"]!.data as Uint8Array,
      isValid: answers["is_valid"]!.data as Uint8Array,
      contribution: (answers["contribution"]?.data ?? null) as Float32Array | null,
    };
  }

  /** Replays the golden rows, one by one, all at once and in a large batch; rejects with a Problem where they fail. */
  async prove(): Promise<void> {
    const found = await replay(this.card, (rows) => this.score(rows));
    if (passed(found)) return;
    throw new Problem(
      `${PROVIDERS[this.provider]!} does not decide the golden rows as it should: ${found.flippedDecisions} decisions and ` +
        `${found.flippedValidity} validities flipped, ${found.brokenRule} break the rule.`,
      `Do not use it for this model. ${ELSEWHERE}`,
      1,
    );
  }

  /** Replays the golden rows as `prove` does, and takes the time of one decision. */
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

/** The library is loaded late, so that its absence can be told in words, and after its variables were set. */
async function loadRuntime(provider: string): Promise<Runtime> {
  for (const [name, value] of Object.entries(environment(provider))) {
    if (!isMainThread && process.env[name] === undefined) {
      throw new Problem(
        `A worker thread cannot set ${name} for ONNX Runtime: its environment is a copy.`,
        `Before the worker starts, in the main thread: process.env.${name} = "${value}"`,
        3,
      );
    }
    process.env[name] ??= value;
  }
  try {
    const ort = await import("onnxruntime-node");
    ort.env.logLevel = provider === CPU ? "error" : "fatal";
    return ort;
  } catch (error) {
    throw new Problem(`onnxruntime-node cannot be loaded: ${reason(error)}`, "Install it with: npm install", 3);
  }
}

/**
 * Checks that this runtime has a provider, and that it refuses to leave nodes to the CPU when it is told to: versions before
 * the first that reads that option take it in silence. On the CPU itself, the model must then be refused.
 */
async function checkProvider(ort: Runtime, provider: string, bytes: Uint8Array): Promise<void> {
  const known = ort.listSupportedBackends().map(({ name }) => name);
  if (!known.includes(provider)) {
    const found = `${runtimeName(ort)} on ${process.platform}/${process.arch} has no ${PROVIDERS[provider]!}`;
    throw new Problem(`${found}.`, `It has: ${known.filter((name) => name in PROVIDERS).join(", ")}.`, 3);
  }
  const settings = { executionProviders: [CPU], logSeverityLevel: FATAL_ONLY, extra: NO_CPU } as const;
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytes, settings);
  } catch {
    return;
  }
  await session.release();
  throw new Problem(
    `${runtimeName(ort)} cannot say whether ${PROVIDERS[provider]!} runs every node.`,
    "Install the version that this app names, with: npm install",
    3,
  );
}

function runtimeName(ort: Runtime): string {
  return `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`;
}

function cannotRun(card: Card, provider: string, error: unknown): Problem {
  if (provider !== CPU) return refused(provider, error);
  return new Problem(`${PROVIDERS[CPU]!} cannot run this model: ${reason(error)}`, `The model requires ${card.requires}.`, 3);
}
