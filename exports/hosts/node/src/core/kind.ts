import { Problem } from "./problem.ts";

const HEAD = 2 ** 16;
const IN_ITS_PLACE = "Name the model in its place.";

/** The Problem that says what a file is instead of a model: a card or a table; null for any other. */
export function otherKind(path: string, file: Uint8Array): Problem | null {
  const head = new TextDecoder("latin1").decode(file.subarray(0, HEAD)).replace(/^\u00ef\u00bb\u00bf/, "").replace(/^[ \t\n\v\f\r]+/, "");
  const line = head.split("\n", 1)[0]!.replace(/\r+$/, "");
  const found = (kind: string, hint = IN_ITS_PLACE): Problem => new Problem(`${path}: Not a model but ${kind}; expected an .onnx file.`, hint);
  if (head.startsWith("PAR1")) return found("a table (Parquet)");
  if (head.startsWith("{") && head.includes('"card_sha256"')) {
    return found("the card of one", "Name the model that it belongs to, NAME.onnx for NAME.card.json.");
  }
  if (head.startsWith("{")) return found("JSON");
  // a control character: no text
  return /[,;]/.test(line) && ![...line].some((character) => character < " ") ? found("a table (CSV)") : null;
}
