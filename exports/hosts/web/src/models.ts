import { checkSize } from "./contract.ts";

/** A model's files as read. */
export interface Files {
  path: string;
  bytes: Uint8Array;
  /** The card that lies beside the model, if any. */
  copy: Uint8Array | null;
}

const MODEL = "model/detector.onnx";

/** The model that was embedded in this page. */
export async function embedded(): Promise<Files> {
  const bytes = await fetched(MODEL);
  if (bytes === null) throw new Error(`No such model: ${MODEL}.`);
  return { path: MODEL, bytes, copy: await fetched(MODEL.replace(/onnx$/, "card.json")) };
}

/** A model that the person chose, perhaps together with its card. */
export async function chosen(files: File[]): Promise<Files> {
  const model = files.find((file) => !file.name.endsWith(".json"));
  if (model === undefined) throw new Error("Choose an .onnx file; its .card.json may come along.");
  const card = files.find((file) => file.name === model.name.replace(/\.[^.]*$/, ".card.json"));
  return { path: model.name, bytes: await read(model, model.name), copy: card === undefined ? null : await read(card, card.name) };
}

async function read(file: Blob, path: string): Promise<Uint8Array> {
  checkSize(path, file.size);
  return new Uint8Array(await file.arrayBuffer());
}

/** A file of this page's own folder; null if there is none. */
async function fetched(path: string): Promise<Uint8Array | null> {
  const response = await fetch(new URL(path, document.baseURI), { cache: "no-cache" });
  // some servers answer with a page where there is no file
  const isPage = response.headers.get("content-type")?.startsWith("text/html") ?? false;
  return response.ok && !isPage ? read(await response.blob(), path) : null;
}
