import type { Client } from "../client.ts";
import { byId, descriptions } from "../dom.ts";
import type { Judged } from "../messages.ts";
import { count, exact, figure } from "../numbers.ts";
import { countBelow, Scale } from "../scale.ts";
import { save } from "./download.ts";
import { Histogram } from "./histogram.ts";
import { tell } from "./problem.ts";
import { Rows } from "./rows.ts";
import { ThresholdControl } from "./threshold.ts";

/** A scored table: figures, histogram, threshold, rows and download, all at one threshold. */
export class Result {
  private readonly section = byId("result", HTMLElement);
  private readonly histogram = new Histogram();
  private readonly control = new ThresholdControl((threshold) => this.follow(threshold));
  private readonly button = byId("download", HTMLButtonElement);
  private judged: Judged | null = null;
  private rows: Rows | null = null;

  constructor(private readonly client: Client) {
    this.button.onclick = () => void this.download();
  }

  /** Show another table in place of the last. */
  show(judged: Judged): void {
    const { sorted, model } = judged;
    const own = model.card.threshold.value;
    const scale = new Scale(sorted, own);
    this.judged = judged;
    byId("result-heading", HTMLElement).textContent = `Result for ${judged.table}`;
    byId("result-origin", HTMLElement).textContent = `Judged by ${model.card.name}, whose own threshold is ${exact(own)}.`;
    this.section.hidden = false;
    this.histogram.show(scale, sorted, own);
    this.rows = new Rows(judged, scale, (indexes) => this.client.call("rows", indexes));
    const { alarms } = model.card.threshold;
    const range = alarms === null ? "" : `${figure(alarms.low)} to ${figure(alarms.high)}`;
    this.control.start(scale, own, range && `, for which the card expects ${range} alarms per 1,000 ordinary rows`);
  }

  private follow(threshold: number): void {
    const judged = this.judged;
    if (judged === null) return;
    const flagged = countBelow(judged.sorted, threshold) + judged.unjudged.length;
    const rate = figure((1000 * flagged) / judged.rows);
    this.control.describe(`${rate} alarms per 1,000 rows`);
    this.histogram.mark(threshold, flagged, judged.rows);
    descriptions(byId("figures", HTMLElement), [
      ["Rows", count(judged.rows)],
      ["Flagged", count(flagged)],
      ["Alarms per 1,000 rows", rate],
      ["Not judged, flagged too", count(judged.unjudged.length)],
    ]);
    byId("download-note", HTMLElement).textContent =
      `is_anomaly in the download is by ${this.control.isOwn ? "the model’s own threshold" : "your threshold"}, ${exact(threshold)}.`;
    this.rows?.follow(threshold);
  }

  private async download(): Promise<void> {
    const judged = this.judged;
    if (judged === null || this.button.ariaBusy === "true") return;
    this.button.ariaBusy = "true";
    try {
      const scored = await this.client.call("download", this.control.isOwn ? null : this.control.threshold);
      save(scored, `${judged.table.replace(/\.[^.]*$/, "")}.scores.csv`);
    } catch (error) {
      tell("problem", error);
    } finally {
      this.button.ariaBusy = "false";
    }
  }
}
