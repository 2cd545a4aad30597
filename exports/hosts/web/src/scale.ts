/**
 * Where similarities lie on the page: 0 (left, unlike) to 1 (right, alike), evenly in the logarithm of 1 - similarity.
 * Nearly all rows of a table lie within a hundredth of 1, so that an even scale would show one bar.
 */
export class Scale {
  private readonly left: number;
  private readonly decades: number;

  /**
   * @param sorted similarities of the judged rows, ascending
   * @param threshold must have room on both sides
   */
  constructor(sorted: Float32Array, threshold: number) {
    const least = 1 - (sorted.at(-1) ?? 0.999);
    const most = 1 - (sorted[0] ?? -1);
    this.left = Math.min(2, Math.max(most, 2 * (1 - threshold)) * 1.2);
    const right = Math.max(1e-6, Math.min(least, (1 - threshold) / 2) / 1.2);
    this.decades = Math.log(this.left / right);
  }

  /** From 0 to 1; what lies beyond is at the end. */
  position(similarity: number): number {
    const share = Math.log(this.left / Math.max(1 - similarity, 1e-12)) / this.decades;
    return Math.min(1, Math.max(0, share));
  }

  /** The similarity at a position, to seven digits, so that what the page shows is what it decides by. */
  similarity(position: number): number {
    const value = 1 - this.left * Math.exp(-position * this.decades);
    return Math.max(-0.9999999, Number(value.toPrecision(7)));
  }

  /** Round similarities on the scale that are some way apart, ascending. */
  ticks(): number[] {
    const round = [-0.5, 0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999];
    const chosen: number[] = [];
    // the powers of ten first
    for (const value of [0.9, 0.99, 0.999, 0.9999, 0.99999, 0, ...round]) {
      const at = this.position(value);
      const free = chosen.every((other) => Math.abs(this.position(other) - at) > 0.14);
      if (at > 0.03 && at < 0.97 && free) chosen.push(value);
    }
    return chosen.sort((a, b) => a - b);
  }
}

/** How many of the ascending numbers are less than this one. */
export function countBelow(sorted: Float32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
