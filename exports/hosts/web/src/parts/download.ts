import { element } from "../dom.ts";

/** Hand a file to the person, without any server. */
export function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  element("a", { href: address, download: name }).click();
  // the browser takes its own hold of the file some time after the click
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
