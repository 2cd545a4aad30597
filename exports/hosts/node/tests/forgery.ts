/** Rewrites model files as a forger would: an initializer's numbers, and if asked the card's digests as well. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

interface Field {
  number: number;
  kind: number;
  raw: Uint8Array;
  payload: Uint8Array;
}

const GRAPH = 7;
const METADATA = 14;
const INITIALIZER = 5;
const NAME = 8;
const RAW_DATA = 9;

/** Changes the raw numbers of one initializer. */
export function rewriteInitializer(name: string, change: (data: Uint8Array) => Uint8Array): (graph: Uint8Array) => Uint8Array {
  return (graph) =>
    rewrite(graph, (field) => {
      const parts = field.number === INITIALIZER ? [...fields(field.payload)] : [];
      const isIt = parts.some((part) => part.number === NAME && text(part.payload) === name);
      if (!isIt) return field.raw;
      return bytesField(
        INITIALIZER,
        rewrite(field.payload, (part) => (part.number === RAW_DATA ? bytesField(RAW_DATA, change(part.payload)) : part.raw)),
      );
    });
}

/** Changes the graph of a model file; signed again, its card vouches for the change. */
export function rewriteModel(file: Uint8Array, change: (graph: Uint8Array) => Uint8Array, signed: boolean): Uint8Array {
  const changed = rewrite(file, (field) => (field.number === GRAPH ? bytesField(GRAPH, change(field.payload)) : field.raw));
  if (!signed) return changed;
  const digest = bytesToHex(sha256(rewrite(changed, (field) => (isCard(field) ? new Uint8Array() : field.raw))));
  return rewrite(changed, (field) => {
    if (!isCard(field)) return field.raw;
    const card = text([...fields(field.payload)].find((part) => part.number === 2)!.payload);
    const resigned = sealed(card.replace(/("model_sha256": ")[0-9a-f]*/, `$1${digest}`));
    return bytesField(METADATA, join([bytesField(1, encode("aetk.card")), bytesField(2, encode(resigned))]));
  });
}

/** A card with the digest of its own that it should carry. */
function sealed(card: string): string {
  const old = /"card_sha256": "([0-9a-f]{64})/.exec(card)![1]!;
  return card.replace(old, bytesToHex(sha256(encode(card.replace(old, "0".repeat(64))))));
}

/** A field of bytes as protobuf writes it. */
function bytesField(number: number, payload: Uint8Array): Uint8Array {
  return join([varint(number * 8 + 2), varint(payload.length), payload]);
}

function isCard(field: Field): boolean {
  return field.number === METADATA && [...fields(field.payload)].some((part) => text(part.payload) === "aetk.card");
}

function rewrite(message: Uint8Array, change: (field: Field) => Uint8Array): Uint8Array {
  return join([...fields(message)].map(change));
}

function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const key = number();
    const kind = key % 8;
    if (kind === 0) number();
    const size = kind === 2 ? number() : ({ 1: 8, 5: 4 }[kind] ?? 0);
    const payload = message.subarray(at, at + size);
    at += size;
    yield { number: Math.floor(key / 8), kind, raw: message.subarray(start, at), payload };
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) + 0x80);
  return Uint8Array.from([...bytes, value]);
}

function join(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const encode = (characters: string): Uint8Array => new TextEncoder().encode(characters);
