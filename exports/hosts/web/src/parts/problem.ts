import { brief, byId, element } from "../dom.ts";
import { Refusal } from "../client.ts";

const LONGEST = 1000;

/** Tell what stands in the way, in the alert region with this id; null clears it. */
export function tell(id: "problem" | "model-problem", error: unknown): void {
  const into = byId(id, HTMLElement);
  if (error === null) return into.replaceChildren();
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Refusal ? error.hint : "";
  const paragraphs = [element("p", {}, brief(message, LONGEST))];
  if (hint !== "") paragraphs.push(element("p", { className: "hint" }, brief(hint, LONGEST)));
  into.replaceChildren(...paragraphs);
  into.scrollIntoView({ block: "nearest" });
}
