import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { type Card, parseCard } from "./card.ts";
import { otherKind } from "./kind.ts";
import { Problem } from "./problem.ts";

/** A model file, held against its card. */
export interface ModelFile {
  path: string;
  bytes: Uint8Array;
  card: Card;
  cardBytes: Uint8Array;
}

/** A field of a protobuf message: its number, where it starts, where its payload does, and where both end. A number has no payload. */
interface Field {
  number: number;
  start: number;
  payload: number;
  end: number;
}

const GRAPH = 7;
const METADATA = 14;
const CARD_KEY = "aetk.card";
const DO_NOT_USE = "Do not use it; take the file from where it was exported.";
/** What to do where there is no model. */
export const EXPORT = "Export one with: aetk export --onnx";
const LARGEST_TAG = 2 ** 32 - 1;

/** As large as a model file may be. */
export const LARGEST_MODEL = 2 ** 28;

/** Throws Problem for a file of more bytes than a model may have. */
export function checkSize(path: string, bytes: number): void {
  if (bytes <= LARGEST_MODEL) return;
  throw new Problem(`${path} is larger than 256 MiB; expected a model of the aetk contract.`, EXPORT);
}

/**
 * Reads a model file's bytes and the copy of its card, null where there is none. JavaScript runtimes do not show a
 * model's metadata, so the file is walked here.
 *
 * Throws Problem with exit code 2 for what is not such a file, 1 where file, card and copy disagree.
 */
export function readModelFile(path: string, bytes: Uint8Array, copy: Uint8Array | null): ModelFile {
  checkSize(path, bytes.length);
  let cardBytes: Uint8Array | null;
  let digest: string;
  try {
    [cardBytes, digest] = takeCard(bytes);
  } catch {
    throw otherKind(path, bytes) ?? new Problem(`${path}: not a readable ONNX file.`);
  }
  if (cardBytes === null) {
    throw otherKind(path, bytes) ?? new Problem(`${path}: It carries no aetk card.`, "Export it with: aetk export --onnx");
  }
  const card = parseCard(path, cardBytes);
  if (cardDigest(cardBytes, card.card_sha256) !== card.card_sha256) {
    throw new Problem(`${path}: the card's SHA-256 is not the one that it carries; it was changed.`, DO_NOT_USE, 1);
  }
  if (digest !== card.model_sha256) {
    throw new Problem(`${path}: the model's SHA-256 is not the one in its card; it was changed.`, DO_NOT_USE, 1);
  }
  if (copy !== null && !equal(copy, cardBytes)) {
    throw new Problem(
      `${cardPath(path)}: not the card that is inside ${path.slice(path.lastIndexOf("/") + 1)}.`,
      "Take both files from where they were exported; any `aetk threshold --set` writes the copy again.",
      1,
    );
  }
  return { path, bytes, card, cardBytes };
}

/** Where the copy of a model's card lies. */
export function cardPath(model: string): string {
  return `${model.replace(/\.[^./]*$/, "")}.card.json`;
}

/**
 * The card in a model file, null where there is none, and the SHA-256 of all the rest. Throws for what is not a model, and for
 * one with two graphs or cards, of which another reader may take the other.
 */
function takeCard(file: Uint8Array): [Uint8Array | null, string] {
  const rest = sha256.create();
  let card: Uint8Array | null = null;
  let graphs = 0;
  let digested = 0;
  for (const { number, start, payload, end } of fields(file)) {
    if (number === GRAPH && ++graphs > 1) throw new Error("a second graph");
    const found = number === METADATA ? cardIn(file.subarray(payload, end)) : undefined;
    if (found === undefined) continue;
    if (card !== null) throw new Error("a second card");
    card = found;
    rest.update(file.subarray(digested, start));
    digested = end;
  }
  return [card, bytesToHex(rest.update(file.subarray(digested)).digest())];
}

/** The SHA-256 of a card with zeros in place of the digest that it carries. */
function cardDigest(card: Uint8Array, digest: string): string {
  const text = new TextDecoder().decode(card).replace(digest, "0".repeat(64));
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

function cardIn(entry: Uint8Array): Uint8Array | undefined {
  let key: Uint8Array | undefined;
  let value: Uint8Array | undefined;
  for (const { number, payload, end } of fields(entry)) {
    if (number === 1) key = entry.subarray(payload, end);
    if (number === 2) value = entry.subarray(payload, end);
  }
  return new TextDecoder().decode(key) === CARD_KEY ? value : undefined;
}

/** The fields of a message in order. Source: https://protobuf.dev/programming-guides/encoding/ */
function* fields(message: Uint8Array): Generator<Field> {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = message[position++];
      if (byte === undefined || (scale === 2 ** 63 && byte > 1)) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Error("a number that does not end, or not within 64 bits");
  };
  while (position < message.length) {
    const start = position;
    const key = varint();
    if (key > LARGEST_TAG) throw new Error("a field of a number that there is not");
    const kind = key % 8;
    let size = { 1: 8, 5: 4 }[kind] ?? 0;
    if (kind === 0) varint();
    else if (kind === 2) size = varint();
    else if (size === 0) throw new Error("an unknown kind of field");
    if (position + size > message.length) throw new Error("a field that runs past the end");
    const payload = position;
    position += size;
    yield { number: Math.floor(key / 8), start, payload, end: position };
  }
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
