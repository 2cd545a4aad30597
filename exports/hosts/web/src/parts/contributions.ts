import { brief, element } from "../dom.ts";
import type { Row } from "../messages.ts";

const FEW = 4;

/** What makes a row unlike: a bar for each of the features that weigh most, the others on demand. */
export function contributions(names: string[], row: Row): Node[] {
  const shares = [...(row.contribution ?? [])].map((share, i) => ({ name: titled(names[i] ?? "", row.levels.get(i)), share }));
  shares.sort((a, b) => b.share - a.share);
  const whole = shares.reduce((total, { share }) => total + share, 0);
  if (whole === 0) return [element("span", { className: "hint" }, "nothing: the row is its own reconstruction")];
  const largest = shares[0]?.share ?? 1;
  const bars = (some: typeof shares): HTMLElement =>
    element("ul", { className: "bars" }, ...some.map(({ name, share }) => bar(name, share / whole, share / largest)));
  const rest = shares.slice(FEW);
  if (rest.length === 0) return [bars(shares)];
  const others = element("details", {}, element("summary", {}, `${rest.length} more`));
  others.ontoggle = () => {
    if (others.childElementCount === 1) others.append(bars(rest));
  };
  return [bars(shares.slice(0, FEW)), others];
}

/** A feature's name, with the level that the row has if it is a category. */
function titled(name: string, level: string | null | undefined): string {
  return level === undefined ? name : `${name}: ${level === null ? "text that the model does not know, or none" : brief(level)}`;
}

function bar(name: string, share: number, width: number): HTMLLIElement {
  const filled = element("i");
  filled.style.width = `${(100 * Math.max(0, width)).toFixed(2)}%`;
  const track = element("span", { className: "bar" }, filled);
  track.setAttribute("aria-hidden", "true");
  const percent = share < 0.001 ? "under 0.1%" : `${(100 * share).toFixed(1)}%`;
  return element(
    "li",
    {},
    element("span", { className: "name" }, name),
    " ",
    element("span", { className: "percent" }, percent),
    track,
  );
}
