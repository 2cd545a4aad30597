import {
  encodingsOf, formatOf, goldenInputs, Problem, replay, rowReader,
  type Card, type Encoding, type ModelFile, type RowReader, type Scores, type TableFormat,
} from "./contract.ts";
import type { Verdict } from "./messages.ts";
import { createSession, DEFAULT, reason, type Session } from "./runtime.ts";

const WARM_UP = 100;
const BLOCKS = 25;
const BLOCK = 20;
/** Milliseconds after which no further block is timed. */
const LONGEST_TIMING = 1000;

/** A device stopped: its session must not be called again, which may then never answer. */
export class Stopped extends Problem {}

/** A model that runs in this browser. */
export class Detector {
  readonly card: Card;
  readonly explains: boolean;
  /** How the cells of a table's columns become inputs, one for each feature. */
  readonly encodings: readonly Encoding[];
  /** The format of the text files that the model was trained on. */
  readonly table: TableFormat;
  /**
   * A row for `score` from values by column name: numbers, the text of categories, true or false, times as text or Date; null
   * stands for a missing one.
   */
  readonly row: RowReader;

  private constructor(
    readonly file: ModelFile,
    private readonly session: Session,
  ) {
    this.card = file.card;
    this.encodings = encodingsOf(file.card);
    this.table = formatOf(file.card);
    this.row = rowReader(this.encodings, this.table);
    this.explains = session.outputs.includes("contribution");
  }

  /** Start a model whose card was read on an execution provider; Problem with exit code 3 if that cannot run all of it. */
  static async start(file: ModelFile, provider = DEFAULT): Promise<Detector> {
    return new Detector(file, await createSession(file, provider));
  }

  /** Judge rows, float32 [rows, features], raw values in the card's order; Stopped if another device than the processor gives up. */
  async score(values: Float32Array): Promise<Scores> {
    const width = this.card.features.length;
    const { provider } = this.session;
    const outputs = await this.session.run(values, values.length / width, width).catch((error: unknown) => {
      throw provider === DEFAULT ? error : new Stopped(`${provider} stopped: ${reason(error)}`, "", 3);
    });
    const of = <T>(name: string): T => outputs[name]?.data as T;
    return {
      similarity: of("similarity"),
      isAnomaly: of("is_anomaly"),
      isValid: of("is_valid"),
      contribution: this.explains ? of("contribution") : null,
    };
  }

  /** Replay the golden rows, one by one, all at once and in a large batch, and take the time of one decision. */
  async selftest(): Promise<Verdict> {
    const compared = await replay(this.card, (rows) => this.score(rows));
    const microseconds = await this.time(goldenInputs(this.card).slice(0, this.card.features.length));
    const { runtime, provider, device } = this.session;
    return { ...compared, runtime, provider, device, microseconds };
  }

  /** Give its memory back. */
  async release(): Promise<void> {
    await this.session.release();
  }

  private async time(row: Float32Array): Promise<number> {
    const end = performance.now() + LONGEST_TIMING;
    const isLate = (): boolean => performance.now() > end;
    for (let i = 0; i < WARM_UP && !isLate(); i++) await this.score(row);
    const taken: number[] = [];
    do {
      const start = performance.now();
      // browsers blur the clock, so a single decision is too short to be timed
      for (let i = 0; i < BLOCK; i++) await this.score(row);
      taken.push((performance.now() - start) / BLOCK);
    } while (taken.length < BLOCKS && !isLate());
    taken.sort((a, b) => a - b);
    return taken[Math.floor(taken.length / 2)]! * 1000;
  }
}
