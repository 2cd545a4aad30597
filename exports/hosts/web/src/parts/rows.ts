import { brief, byId, element } from "../dom.ts";
import { count, counted, similar } from "../numbers.ts";
import type { Judged, Row } from "../messages.ts";
import { countBelow, type Scale } from "../scale.ts";
import { contributions } from "./contributions.ts";

const PAGE = 25;
type Choice = "flagged" | "unjudged" | "all";

/** The rows, the least similar first: some at a time, more when asked for. */
export class Rows {
  private readonly body = element("tbody");
  private readonly caption = element("caption", { tabIndex: -1 });
  private readonly more = element("button", { type: "button", id: "show-more" });
  private readonly choices = new Map<Choice, [HTMLInputElement, HTMLElement]>();
  private readonly table = element("table", { className: "rows" }, this.caption);
  private choice: Choice = "flagged";
  private wanted = PAGE;
  private shown: Uint32Array = new Uint32Array();
  private drawing = 0;
  private threshold = 0;

  /** @param fetchRows gets rows in full from the worker. */
  constructor(
    private readonly judged: Judged,
    private readonly scale: Scale,
    private readonly fetchRows: (indexes: Uint32Array) => Promise<Row[]>,
  ) {
    const explains = judged.model.explains;
    const names = [judged.key === null ? "Row" : brief(judged.key), "Similarity", ...(explains ? ["What weighs most"] : [])];
    const head = names.map((name) => element("th", { scope: "col" }, name));
    this.table.append(element("thead", {}, element("tr", {}, ...head)), this.body);
    this.more.onclick = () => {
      this.wanted += PAGE * 2;
      void this.draw();
    };
    const note = explains
      ? "The bars show which features make a row unlike, as shares of 1 − similarity."
      : "This model does not say which features weigh most. A model exported with “aetk export --explain” does.";
    byId("rows", HTMLElement).replaceChildren(
      this.chooser(),
      element("p", { className: "hint" }, note),
      this.table,
      this.more,
    );
  }

  /** Draw the rows that this threshold asks for. */
  follow(threshold: number): void {
    this.threshold = threshold;
    const unjudged = this.judged.unjudged.length;
    const below = countBelow(this.judged.sorted, threshold);
    const counts = { flagged: below + unjudged, unjudged, all: this.judged.rows };
    for (const [choice, [, label]] of this.choices) label.textContent = ` (${count(counts[choice])})`;
    void this.draw();
  }

  private chooser(): HTMLElement {
    const named: [Choice, string][] = [
      ["flagged", "Flagged"],
      ["unjudged", "Could not be judged"],
      ["all", "All, flagged first"],
    ];
    const fields = named.map(([choice, name]) => {
      const input = element("input", { type: "radio", name: "rows-shown", checked: choice === this.choice });
      const number = element("span");
      input.onchange = () => {
        this.choice = choice;
        this.wanted = PAGE;
        void this.draw();
      };
      this.choices.set(choice, [input, number]);
      return element("label", {}, input, element("span", {}, name, number));
    });
    return element("fieldset", { className: "choices" }, element("legend", {}, "Rows to list"), ...fields);
  }

  /** The rows to list, at most `limit`, and how many there are in all. */
  private chosen(limit: number): [Uint32Array, number] {
    const { order, sorted, unjudged } = this.judged;
    if (this.choice === "unjudged") return [unjudged.subarray(0, limit), unjudged.length];
    const below = countBelow(sorted, this.threshold);
    const flagged = [order.subarray(0, Math.min(below, limit)), unjudged.subarray(0, Math.max(0, limit - below))];
    const rest = Math.max(0, limit - below - unjudged.length);
    const all = this.choice === "all" ? [...flagged, order.subarray(below, below + rest)] : flagged;
    const joined = new Uint32Array(all.reduce((total, part) => total + part.length, 0));
    let at = 0;
    for (const part of all) {
      joined.set(part, at);
      at += part.length;
    }
    return [joined, this.choice === "all" ? this.judged.rows : below + unjudged.length];
  }

  private async draw(): Promise<void> {
    const [indexes, total] = this.chosen(this.wanted);
    const turn = ++this.drawing;
    if (same(indexes, this.shown)) this.mark();
    else {
      const rows = await this.fetchRows(indexes);
      if (turn !== this.drawing) return; // the threshold has moved on
      this.shown = indexes;
      this.body.replaceChildren(...rows.map((row) => this.line(row)));
    }
    const what = {
      flagged: (rows: number) => `${counted(rows, "flagged row")}, the least similar first`,
      unjudged: (rows: number) => `${count(rows)} that could not be judged, in the table’s order`,
      all: (rows: number) => `${counted(rows, "row")}, the least similar first`,
    }[this.choice];
    this.caption.textContent =
      total === 0
        ? { flagged: "No row is flagged.", unjudged: "Every row could be judged.", all: "" }[this.choice]
        : `${count(indexes.length)} of ${what(total)}`;
    this.more.hidden = indexes.length >= total;
    this.more.textContent = `Show ${count(Math.min(PAGE * 2, total - indexes.length))} more`;
    this.table.classList.toggle("empty", total === 0);
  }

  private line(row: Row): HTMLTableRowElement {
    const name = row.key === null ? count(row.number) : brief(row.key);
    const number = row.key === null ? [] : [element("span", { className: "hint" }, `row ${count(row.number)}`)];
    const cells = [
      element("th", { scope: "row" }, element("span", { className: "name" }, name), ...number),
      element("td", {}, ...this.verdict(row)),
    ];
    if (this.judged.model.explains) {
      const names = this.judged.model.card.features.map((feature) => feature.name);
      cells.push(element("td", { className: "why" }, ...(row.isValid ? contributions(names, row) : [])));
    }
    const made = element("tr", {}, ...cells);
    made.dataset["similarity"] = String(row.similarity);
    made.dataset["valid"] = String(row.isValid);
    this.markOne(made);
    return made;
  }

  private verdict(row: Row): Node[] {
    if (!row.isValid)
      return [
        element("span", { className: "flag" }, "could not be judged"),
        element("span", { className: "hint" }, "a value is missing or not finite; it is flagged to be safe"),
      ];
    const dot = element("i");
    dot.style.left = `${100 * this.scale.position(row.similarity)}%`;
    const track = element("span", { className: "track" }, element("b"), dot);
    track.setAttribute("aria-hidden", "true");
    const number = element("span", { className: "similarity" }, similar(row.similarity));
    return [element("span", { className: "against" }, number, track, element("span", { className: "flag" }))];
  }

  private mark(): void {
    for (const row of this.body.rows) this.markOne(row);
  }

  private markOne(row: HTMLTableRowElement): void {
    if (row.dataset["valid"] !== "true") return;
    const flagged = !(Number(row.dataset["similarity"]) >= this.threshold);
    row.classList.toggle("unlike", flagged);
    const flag = row.querySelector<HTMLElement>(".flag");
    if (flag !== null) flag.textContent = flagged ? "flagged" : "not flagged";
    const line = row.querySelector<HTMLElement>(".track b");
    if (line !== null) line.style.left = `${100 * this.scale.position(this.threshold)}%`;
  }
}

const same = (one: Uint32Array, other: Uint32Array): boolean =>
  one.length === other.length && one.every((value, i) => value === other[i]);
