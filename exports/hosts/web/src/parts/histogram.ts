import { count, counted, similar } from "../numbers.ts";
import { byId, drawing, element } from "../dom.ts";
import { countBelow, type Scale } from "../scale.ts";

const BINS = 48;
const compact = new Intl.NumberFormat("en", { notation: "compact" });

/** How many rows lie where, on the page's scale of similarity; what lies below the threshold is coloured. */
export class Histogram {
  private readonly into = byId("histogram", HTMLElement);
  private line = element("div");
  private flagged = drawing("rect", {});
  private picture = drawing("svg", {});
  private scale: Scale | null = null;

  /** Draw the similarities (ascending) of a table; `modelThreshold` is marked. */
  show(scale: Scale, sorted: Float32Array, modelThreshold: number): void {
    this.scale = scale;
    const bins = binned(scale, sorted);
    const most = Math.max(1, ...bins.map((bin) => bin.rows));
    const height = (rows: number): number => (rows === 0 ? 0 : 8 + (92 * Math.log(rows)) / Math.log(Math.max(most, 2)));
    const bars = (): SVGPathElement =>
      drawing("path", {
        d: bins
          .map(({ rows }, i) => (rows === 0 ? "" : `M${i + 0.08} 100v${-height(rows)}h.84V100z`))
          .join(""),
      });
    this.flagged = drawing("rect", { x: 0, y: 0, width: 0, height: 100 });
    const like = drawing("g", { class: "alike" }, bars());
    const unlike = drawing("g", { class: "unlike", "clip-path": "url(#below-threshold)" }, bars());
    this.picture = drawing(
      "svg",
      { viewBox: `0 0 ${BINS} 100`, preserveAspectRatio: "none", role: "img" },
      drawing("defs", {}, drawing("clipPath", { id: "below-threshold" }, this.flagged)),
      like,
      unlike,
    );
    this.line = element("div", { className: "line" });
    const own = element("div", { className: "line own" }, element("span", {}, "model"));
    const plot = element("div", { className: "plot" }, ...this.levels(most, height), this.picture, own, this.line);
    const axis = element("div", { className: "axis" });
    for (const value of scale.ticks()) {
      const tick = element("span", {}, similar(value));
      tick.style.left = percent(scale.position(value));
      axis.append(tick);
    }
    own.style.left = percent(scale.position(modelThreshold));
    own.classList.toggle("late", scale.position(modelThreshold) > 0.85);
    for (const part of [own, this.line, axis]) part.setAttribute("aria-hidden", "true");
    this.into.replaceChildren(
      element(
        "figcaption",
        {},
        "How many rows have which similarity. Left: unlike what the model learned; right: alike. Both axes are logarithmic.",
      ),
      plot,
      axis,
    );
    byId("histogram-table", HTMLElement).replaceChildren(asTable(bins));
  }

  /** Move the threshold's line. */
  mark(threshold: number, flagged: number, rows: number): void {
    if (this.scale === null) return;
    const position = this.scale.position(threshold);
    this.line.style.left = percent(position);
    this.flagged.setAttribute("width", String(position * BINS));
    this.picture.setAttribute(
      "aria-label",
      `Histogram of similarity: ${count(flagged)} of ${counted(rows, "row")} are flagged at the threshold ${similar(threshold)}. ` +
        "The numbers are in the table below the threshold.",
    );
  }

  private levels(most: number, height: (rows: number) => number): HTMLElement[] {
    const rows = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].filter((level) => level <= most);
    return rows.map((level) => {
      const made = element("div", { className: "level" }, element("span", {}, compact.format(level)));
      made.style.bottom = `${height(level)}%`;
      made.setAttribute("aria-hidden", "true");
      return made;
    });
  }
}

interface Bin {
  from: number;
  to: number;
  rows: number;
}

function binned(scale: Scale, sorted: Float32Array): Bin[] {
  return Array.from({ length: BINS }, (_, i) => {
    const from = i === 0 ? -1 : scale.similarity(i / BINS);
    const to = i === BINS - 1 ? 1 : scale.similarity((i + 1) / BINS);
    const end = i === BINS - 1 ? sorted.length : countBelow(sorted, to);
    return { from, to, rows: end - (i === 0 ? 0 : countBelow(sorted, from)) };
  });
}

function asTable(bins: Bin[]): HTMLElement {
  const head = ["Similarity from", "to", "Rows"].map((name) => element("th", { scope: "col" }, name));
  const body = bins
    .filter((bin) => bin.rows > 0)
    .map((bin) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, similar(bin.from)),
        element("td", {}, similar(bin.to)),
        element("td", {}, count(bin.rows)),
      ),
    );
  return element(
    "details",
    {},
    element("summary", {}, "The histogram as a table"),
    element(
      "table",
      { className: "numbers" },
      element("caption", {}, "Rows by similarity; intervals without rows are left out"),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...body),
    ),
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(3)}%`;
