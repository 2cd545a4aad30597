import { goldenInputs, replay, type Card, type ModelFile, type Scores } from "./contract.ts";
import type { Verdict } from "./messages.ts";
import { createSession, PROVIDER, RUNTIME, tensor, type Session } from "./runtime.ts";

const WARM_UP = 100;
const BLOCKS = 25;
const BLOCK = 20;

/** A model that runs in this browser. */
export class Detector {
  readonly card: Card;
  readonly path: string;
  readonly explains: boolean;

  private constructor(
    file: ModelFile,
    private readonly session: Session,
  ) {
    this.card = file.card;
    this.path = file.path;
    this.explains = session.outputNames.includes("contribution");
  }

  /** Start a model whose card was read; Problem with exit code 3 if it cannot run. */
  static async start(file: ModelFile): Promise<Detector> {
    return new Detector(file, await createSession(file));
  }

  /** Judge rows, float32 [rows, features], raw values in the card's order. */
  async score(values: Float32Array): Promise<Scores> {
    const width = this.card.features.length;
    const outputs = await this.session.run({ features: tensor(values, values.length / width, width) });
    const of = <T>(name: string): T => outputs[name]?.data as T;
    return {
      similarity: of("similarity"),
      isAnomaly: of("is_anomaly"),
      isValid: of("is_valid"),
      contribution: this.explains ? of("contribution") : null,
    };
  }

  /** Replay the golden rows, all at once and one by one, and take the time of one decision. */
  async selftest(): Promise<Verdict> {
    const compared = await replay(this.card, (rows) => this.score(rows));
    const microseconds = await this.time(goldenInputs(this.card).slice(0, this.card.features.length));
    return { ...compared, runtime: RUNTIME, provider: PROVIDER, microseconds };
  }

  /** Give its memory back. */
  async release(): Promise<void> {
    await this.session.release();
  }

  private async time(row: Float32Array): Promise<number> {
    for (let i = 0; i < WARM_UP; i++) await this.score(row);
    const taken: number[] = [];
    // browsers blur the clock, so a single decision is too short to be timed
    for (let block = 0; block < BLOCKS; block++) {
      const start = performance.now();
      for (let i = 0; i < BLOCK; i++) await this.score(row);
      taken.push((performance.now() - start) / BLOCK);
    }
    taken.sort((a, b) => a - b);
    return taken[(BLOCKS - 1) / 2]! * 1000;
  }
}
