import { basename, sep } from "node:path";

/** A path without what changes nothing in it (`./`, `//`, a slash at the end): messages show it as the other hosts do. */
export function tidied(path: string): string {
  if (sep !== "/") return path;
  const root = /^\/\/(?!\/)/.test(path) ? "//" : path.startsWith("/") ? "/" : "";
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return root + parts.join("/") || ".";
}

/** A file's name without its folder and its ending. */
export function stem(path: string): string {
  const name = basename(path);
  const dot = name.lastIndexOf(".");
  return dot > 0 && dot < name.length - 1 ? name.slice(0, dot) : name;
}
