import { brief, byId, element } from "../dom.ts";
import { Refusal } from "../client.ts";
import type { Model } from "../messages.ts";
import { counted, figure, small } from "../numbers.ts";

const LONGEST = 1000;

/** Say that a model passed its self-test in this browser, and by what figures. */
export function passed(model: Model): void {
  const { verdict } = model;
  const ties = verdict.nearTies > 0 ? ` (${counted(verdict.nearTies, "near tie")} not compared)` : "";
  show(
    "passed",
    "Self-test passed",
    `${counted(verdict.rows, "golden row")} replayed in this browser: every decision as expected${ties}, ` +
      `similarity within ${small(verdict.largestDifference)} (tolerance ${small(verdict.tolerance)}). ` +
      `One decision takes ${figure(verdict.microseconds)} µs on ${verdict.runtime}, ${verdict.provider}` +
      `${verdict.device === null ? "" : ` (${verdict.device})`}.`,
    model.instead === null
      ? ""
      : `The provider ${model.instead.of} was asked for and does not run this model. ${model.instead.why} ` +
          `The provider ${verdict.provider} runs it instead.`,
  );
}

/** Say that there is no model to trust. */
export function failed(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Refusal ? ` ${error.hint}` : "";
  show("failed", "Not ready", `${message}${hint} No table is judged with it.`);
}

function show(kind: "passed" | "failed", title: string, text: string, warning = ""): void {
  const into = byId("verdict", HTMLElement);
  into.className = `verdict ${kind}`;
  const mark = element("span", { className: "mark" }, kind === "passed" ? "✓" : "✗");
  mark.setAttribute("aria-hidden", "true");
  const paragraphs = [element("p", {}, element("strong", {}, `${title}.`), " ", text)];
  if (warning !== "") paragraphs.push(element("p", { className: "warning" }, brief(warning, LONGEST)));
  into.replaceChildren(mark, element("div", {}, ...paragraphs));
}
