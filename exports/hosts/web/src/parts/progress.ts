import { byId } from "../dom.ts";
import { counted } from "../numbers.ts";

const STEP = 0.25;

/** How far a table is: a bar for the eye, a quarter at a time for the ear. */
export class ProgressBar {
  private readonly whole = byId("progress", HTMLElement);
  private readonly bar = byId("progress-bar", HTMLProgressElement);
  private readonly text = byId("progress-text", HTMLElement);
  private readonly announcement = byId("announcement", HTMLElement);
  private announced = 0;
  private table = "";

  /** Begin with a table. */
  start(table: string): void {
    this.table = table;
    this.announced = 0;
    this.whole.hidden = false;
    this.say(`Judging ${table}`);
    this.update(0, 0);
  }

  /** Rows so far and the share of the file that was read. */
  update(rows: number, share: number): void {
    this.bar.value = share;
    this.text.textContent = `Judging ${this.table}: ${counted(rows, "row")}, ${Math.floor(100 * share)}%`;
    if (share >= this.announced + STEP && share < 1) {
      this.announced = share;
      this.say(`${Math.floor(100 * share)}% of ${this.table}`);
    }
  }

  /** Over, one way or another; what is said at the end. */
  end(words: string): void {
    this.whole.hidden = true;
    this.say(words);
  }

  /** Tell those who listen. */
  say(words: string): void {
    this.announcement.textContent = words;
  }
}
