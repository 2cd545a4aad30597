/** What an element may be given besides its children. */
type Given<T extends keyof HTMLElementTagNameMap> = Partial<
  Pick<HTMLElementTagNameMap[T], Extract<keyof HTMLElementTagNameMap[T], string>>
>;

/**
 * A new element. Strings among the children become text, never markup: names and cells of a table come from strangers.
 */
export function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  given: Given<T> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[T] {
  const made = Object.assign(document.createElement(tag), given);
  made.append(...children);
  return made;
}

/** The beginning of a text that may be megabytes long, as a cell of a stranger's table may be. */
export function brief(text: string, longest = 200): string {
  // not half of a character outside the basic plane
  return text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** A new SVG element with these attributes. */
export function drawing<T extends keyof SVGElementTagNameMap>(
  tag: T,
  attributes: Record<string, string | number>,
  ...children: Node[]
): SVGElementTagNameMap[T] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** The element of index.html with this id, which is of this kind. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id ${id}`);
  return found;
}

/** A list of terms and what they are. */
export function descriptions(into: HTMLElement, entries: [term: string, ...details: (Node | string)[]][]): void {
  into.replaceChildren(
    ...entries.map(([term, ...details]) =>
      element("div", {}, element("dt", {}, term), element("dd", {}, ...details)),
    ),
  );
}
