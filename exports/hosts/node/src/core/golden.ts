import { type Card, decodeFloats } from "./card.ts";
import { batchRows } from "./table.ts";

/** The verdicts on some rows. */
export interface Scores {
  /** [rows], -1 to 1; exactly -1 where a row could not be judged. */
  similarity: Float32Array;
  /** [rows], 1 where not (similarity >= threshold). */
  isAnomaly: Uint8Array;
  /** [rows], 0 where a row could not be judged. */
  isValid: Uint8Array;
  /** [rows, features], row by row: each feature's share of 1 - similarity; null if the model has none. */
  contribution: Float32Array | null;
}

/** How a runtime's answers compare with the golden ones. */
export interface Comparison {
  rows: number;
  /** So close to the threshold that rounding may decide them either way; their decision is not compared. */
  nearTies: number;
  flippedDecisions: number;
  flippedValidity: number;
  /** Rows whose outputs contradict one another. */
  brokenRule: number;
  /** Of similarity; infinite where one is not a number. */
  largestDifference: number;
  tolerance: number;
}

/** What came of replaying the golden rows, and the median time of one row's decision. */
export interface Selftest extends Comparison {
  passed: boolean;
  microseconds: number;
}

const WARM_UP = 100;
const CALLS = 500;
/** Milliseconds after which no further call is timed: one on a slow device may take a tenth of a second. */
const LONGEST_TIMING = 1000;
const UNJUDGED = -1;

/** The golden inputs, [rows, features], row by row. */
export function goldenInputs(card: Card): Float32Array {
  return decodeFloats(card.golden.inputs);
}

/** Holds a runtime's scores of the golden inputs against PyTorch's. */
export function compare(card: Card, scores: Scores): Comparison {
  const { golden } = card;
  const tolerance = card.similarity.tolerance;
  const found: Comparison = {
    rows: golden.rows, nearTies: 0, flippedDecisions: 0, flippedValidity: 0, brokenRule: 0, largestDifference: 0, tolerance,
  };
  const expected = decodeFloats(golden.similarity);
  for (let i = 0; i < golden.rows; i++) {
    const decision = golden.is_anomaly[i]!;
    if (decision === null) found.nearTies++;
    else if (decision !== scores.isAnomaly[i]) found.flippedDecisions++;
    if (golden.is_valid[i] !== scores.isValid[i]) found.flippedValidity++;
    if (contradicts(card, scores, i)) found.brokenRule++;
    const difference = Math.abs(scores.similarity[i]! - expected[i]!);
    found.largestDifference = Math.max(found.largestDifference, Number.isNaN(difference) ? Infinity : difference);
  }
  return found;
}

/** Whether a comparison shows that the runtime decides as the golden rows say. */
export function passed(found: Comparison): boolean {
  const wrong = found.flippedDecisions + found.flippedValidity + found.brokenRule;
  return wrong === 0 && found.largestDifference <= found.tolerance;
}

/**
 * Replays the golden rows one by one, all at once, and repeated in as large a batch as a table is scored in: a device may
 * choose another kernel for each. Each figure is the worst of the three.
 */
export async function replay(card: Card, score: (rows: Float32Array) => Promise<Scores>): Promise<Comparison> {
  const inputs = goldenInputs(card);
  const width = card.features.length;
  const alone: Scores[] = [];
  for (let at = 0; at < inputs.length; at += width) alone.push(await score(inputs.slice(at, at + width)));
  const found = [compare(card, joined(alone)), compare(card, await score(inputs))];
  const batch = Float32Array.from({ length: batchRows(width) * width }, (_, i) => inputs[i % inputs.length]!);
  const scores = await score(batch);
  for (let at = 0; at + card.golden.rows <= batch.length / width; at += card.golden.rows) {
    found.push(compare(card, part(scores, at, at + card.golden.rows, width)));
  }
  return found.reduce((worst, other) => ({
    ...worst,
    flippedDecisions: Math.max(worst.flippedDecisions, other.flippedDecisions),
    flippedValidity: Math.max(worst.flippedValidity, other.flippedValidity),
    brokenRule: Math.max(worst.brokenRule, other.brokenRule),
    largestDifference: Math.max(worst.largestDifference, other.largestDifference),
  }));
}

/** The scores of the rows from `start` to before `end`. */
function part(scores: Scores, start: number, end: number, width: number): Scores {
  return {
    similarity: scores.similarity.subarray(start, end),
    isAnomaly: scores.isAnomaly.subarray(start, end),
    isValid: scores.isValid.subarray(start, end),
    contribution: scores.contribution && scores.contribution.subarray(start * width, end * width),
  };
}

/** Scores of single rows as those of all of them. */
function joined(parts: readonly Scores[]): Scores {
  const flat = (of: (scores: Scores) => ArrayLike<number>): number[] => parts.flatMap((scores) => Array.from(of(scores)));
  return {
    similarity: Float32Array.from(flat((scores) => scores.similarity)),
    isAnomaly: Uint8Array.from(flat((scores) => scores.isAnomaly)),
    isValid: Uint8Array.from(flat((scores) => scores.isValid)),
    contribution: parts[0]!.contribution && Float32Array.from(flat((scores) => scores.contribution!)),
  };
}

/** Replays the golden rows and takes the time of one decision; `now` gives milliseconds. */
export async function selftest(
  card: Card,
  score: (rows: Float32Array) => Promise<Scores>,
  now: () => number,
): Promise<Selftest> {
  const found = await replay(card, score);
  const row = goldenInputs(card).slice(0, card.features.length);
  const taken: number[] = [];
  const end = now() + LONGEST_TIMING;
  for (let call = 0; call < WARM_UP + CALLS && (call === 0 || now() < end); call++) {
    const start = now();
    await score(row);
    taken.push(now() - start);
  }
  const sorted = taken.slice(Math.min(WARM_UP, taken.length - 1)).sort((a, b) => a - b);
  return { ...found, passed: passed(found), microseconds: sorted[Math.floor(sorted.length / 2)]! * 1000 };
}

/** Whether a row's outputs contradict one another, whatever the right answer is. */
function contradicts(card: Card, scores: Scores, row: number): boolean {
  const similarity = scores.similarity[row]!;
  const isValid = scores.isValid[row] === 1;
  if ((scores.isAnomaly[row] === 1) !== !(similarity >= card.threshold.value)) return true;
  if (!isValid && similarity !== UNJUDGED) return true;
  if (scores.contribution === null) return false;
  const width = card.features.length;
  const sum = scores.contribution.subarray(row * width, (row + 1) * width).reduce((total, share) => total + share, 0);
  return !(Math.abs(sum - (isValid ? 1 - similarity : 0)) <= 10 * card.similarity.tolerance);
}
