import { Problem } from "./problem.ts";
import { contractOf, encodingsOf, formatOf, Refused } from "./reading.ts";

/** One input column, in order; quantiles are of the training rows. */
export interface Feature {
  position: number;
  name: string;
  quantiles: number[];
  missing: string;
  fill: number | null;
  levels?: string[];
  truths?: string[];
  notation?: string;
  markers?: string[];
  time?: { column: string; format: string; part: string } | null;
}

/** Ordinary rows that will be flagged, per 1,000, with an interval. */
export interface Alarms {
  expected: number;
  low: number;
  high: number;
  confidence: number;
  rows: number;
}

/** Synthetic rows with PyTorch's answers; numbers are base64 of little-endian floats. */
export interface Golden {
  rows: number;
  inputs: string;
  similarity: string;
  similarity64: string;
  is_anomaly: (0 | 1 | null)[];
  is_valid: (0 | 1)[];
}

/** The model card: what a model is. */
export interface Card {
  contract: number;
  name: string;
  features: Feature[];
  /** The format of text files, of contract 2; see `TableFormat`. */
  table?: unknown;
  quantile_levels: number[];
  similarity: { kappa: number; bound: number; tolerance: number };
  threshold: {
    value: number;
    method: string;
    target: number | null;
    rows: number;
    basis: string;
    alarms: Alarms | null;
  };
  validation: Record<string, number>;
  recipe: Record<string, unknown>;
  training_data: Record<string, unknown>;
  versions: Record<string, string>;
  requires: string;
  card_sha256: string;
  model_sha256: string;
  golden: Golden;
}

const CONTRACTS = [1, 2];
const AGAIN = "Export the model again.";
const LARGEST_TOLERANCE = 1e-3;
const DEEPEST = 200;

/** Reads a card's JSON; `path` is the model's, for messages. Throws Problem for what is not a card of this contract. */
export function parseCard(path: string, bytes: Uint8Array): Card {
  let card: Card;
  try {
    card = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Card;
  } catch {
    throw unreadable(path);
  }
  if (typeof card !== "object" || card === null || isDeep(card) || card.contract === undefined) throw unreadable(path);
  if (!CONTRACTS.includes(card.contract)) {
    throw new Problem(
      `${path}: its card is of contract version ${String(card.contract)}, expected ${CONTRACTS.join(" or ")}.`,
      AGAIN,
    );
  }
  try {
    check(card);
    formatOf(card);
    encodingsOf(card);
  } catch (error) {
    throw error instanceof Refused ? new Problem(`${path}: ${error.message}.`, AGAIN) : unreadable(path);
  }
  return card;
}

function unreadable(path: string): Problem {
  const found = "its card is damaged or incomplete; expected the JSON that `aetk export` wrote.";
  return new Problem(`${path}: ${found}`, AGAIN);
}

/** Whether arrays and objects are nested deeper than whoever walks through them should have to bear. */
function isDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== "object" || value === null) return depth > DEEPEST;
  return depth > DEEPEST || Object.values(value).some((inner) => isDeep(inner, depth + 1));
}

/** Throws where a part that is used here is missing or of another kind. */
function check(whole: Card): void {
  const { features, similarity, threshold, golden, ...card } = whole;
  const names = features.map((feature) => feature.name);
  const flags = (values: unknown[], known: unknown[]): boolean =>
    values.length === golden.rows && values.every((value) => known.includes(value));
  const right =
    card.contract === contractOf(whole) &&
    names.length > 0 &&
    new Set(names).size === names.length &&
    names.every((name) => typeof name === "string" && name !== "") &&
    Number.isFinite(threshold.value) &&
    typeof similarity.tolerance === "number" &&
    similarity.tolerance > 0 &&
    similarity.tolerance <= LARGEST_TOLERANCE && // a large one would let every self-test pass
    typeof card.requires === "string" &&
    typeof card.card_sha256 === "string" &&
    card.card_sha256.length === 64 &&
    typeof card.model_sha256 === "string" &&
    golden.rows > 0 &&
    holds(golden.inputs, golden.rows * names.length) &&
    holds(golden.similarity, golden.rows) &&
    flags(golden.is_anomaly, [0, 1, null]) &&
    flags(golden.is_valid, [0, 1]);
  if (!right) throw new Error("not a card");
}

/** Whether base64 text holds so many float32 numbers: by its length first, since a stranger's may be long. */
function holds(text: string, count: number): boolean {
  return text.length === 4 * Math.ceil((4 * count) / 3) && decode(text).length === 4 * count;
}

/** Bytes of base64 text. */
function decode(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Little-endian float32 numbers of base64 text. */
export function decodeFloats(text: string): Float32Array {
  const bytes = decode(text);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
