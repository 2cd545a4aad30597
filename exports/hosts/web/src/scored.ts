import { scoredHeader, scoredLines, type Scores } from "./contract.ts";
import type { Row } from "./messages.ts";

interface Part {
  /** How many rows come before. */
  start: number;
  scores: Scores;
  keys: string[];
  /** [rows, categories], row by row: the indexes of their levels. */
  levels: Uint8Array;
}

/** The scores of a whole table, as the batches came. */
export class Scored {
  rows = 0;
  private readonly parts: Part[] = [];

  constructor(
    private readonly features: string[],
    private readonly key: string | null,
    /** The levels of the features that are categories, by their positions. */
    private readonly categories: ReadonlyMap<number, readonly string[]>,
  ) {}

  /** Add the scores of the next rows, their keys if there are any, and the values that were judged. */
  add(scores: Scores, keys: string[], values: Float32Array): void {
    const [width, positions] = [this.features.length, [...this.categories.keys()]];
    const levels = Uint8Array.from({ length: scores.similarity.length * positions.length }, (_, i) => {
      const row = Math.floor(i / positions.length);
      return values[row * width + positions[i % positions.length]!]!;
    });
    this.parts.push({ start: this.rows, scores, keys, levels });
    this.rows += scores.similarity.length;
  }

  /** The judged rows by ascending similarity, and the rows that could not be judged. */
  ranked(): { order: Uint32Array; sorted: Float32Array; unjudged: Uint32Array } {
    const similarity = new Float32Array(this.rows);
    const order = new Uint32Array(this.rows);
    const unjudged: number[] = [];
    let judged = 0;
    for (const { start, scores } of this.parts) {
      similarity.set(scores.similarity, start);
      scores.isValid.forEach((valid, i) => {
        if (valid) order[judged++] = start + i;
        else unjudged.push(start + i);
      });
    }
    const ranking = order.subarray(0, judged).sort((a, b) => similarity[a]! - similarity[b]! || a - b);
    return { order: ranking, sorted: Float32Array.from(ranking, (i) => similarity[i]!), unjudged: Uint32Array.from(unjudged) };
  }

  /** Some rows in full, by their indexes from 0. */
  rowsAt(indexes: Uint32Array): Row[] {
    return Array.from(indexes, (index) => {
      const { start, scores, keys, levels } = this.parts[this.partOf(index)]!;
      const at = index - start;
      const width = this.features.length;
      return {
        number: index + 1,
        key: this.key === null ? null : keys[at]!,
        similarity: scores.similarity[at]!,
        isValid: scores.isValid[at] !== 0,
        contribution: scores.contribution?.slice(at * width, (at + 1) * width) ?? null,
        levels: this.levelsOf(levels.subarray(at * this.categories.size, (at + 1) * this.categories.size)),
      };
    });
  }

  /** The text of levels by the positions of their features; null for text that the model does not know. */
  private levelsOf(indexes: Uint8Array): Map<number, string | null> {
    return new Map([...this.categories].map(([position, levels], i) => [position, levels[indexes[i]!] ?? null]));
  }

  /**
   * The scored CSV, as every host writes it.
   *
   * @param threshold decides `is_anomaly`; null leaves it to the model's own output
   */
  csv(threshold: number | null): Blob {
    const lines = this.parts.map(({ start, keys, scores }) =>
      scoredLines(start + 1, keys, threshold === null ? scores : decided(scores, threshold)),
    );
    const explained = this.parts[0]?.scores.contribution != null;
    return new Blob([scoredHeader(this.key, this.features, explained), ...lines], { type: "text/csv" });
  }

  private partOf(index: number): number {
    let low = 0;
    let high = this.parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.parts[middle]!.start <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The same scores by another threshold; what could not be judged stays flagged, being -1. */
const decided = (scores: Scores, threshold: number): Scores => ({
  ...scores,
  isAnomaly: Uint8Array.from(scores.similarity, (similarity) => (similarity >= threshold ? 0 : 1)),
});
