import { byId, element } from "../dom.ts";
import { Refusal } from "../client.ts";

/** Tell what stands in the way, in the alert region with this id; null clears it. */
export function tell(id: "problem" | "model-problem", error: unknown): void {
  const into = byId(id, HTMLElement);
  if (error === null) return into.replaceChildren();
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Refusal ? error.hint : "";
  into.replaceChildren(element("p", {}, message), ...(hint ? [element("p", { className: "hint" }, hint)] : []));
  into.scrollIntoView({ block: "nearest" });
}
