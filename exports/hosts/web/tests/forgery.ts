import { createHash } from "node:crypto";

/** One field of a protobuf message: its number, all its bytes, and the bytes of its payload, as views. */
interface Field {
  number: number;
  raw: Buffer;
  value: Buffer;
}

const GRAPH = 7;
const METADATA = 14;
const INITIALIZER = 5;
const DIMS = 1;
const NAME = 8;
const RAW_DATA = 9;

/**
 * A copy of a model with the numbers of one initializer changed in place.
 *
 * @param resign make the card's digests again, so that only the golden rows betray the change
 */
export function forge(model: Buffer, initializer: string, change: (values: Numbers) => void, resign: boolean): Buffer {
  const forged = Buffer.from(model);
  const graph = fields(forged).find((field) => field.number === GRAPH);
  const found = fields(graph!.value)
    .filter((field) => field.number === INITIALIZER)
    .map((field) => new Map(fields(field.value).map(({ number, value }) => [number, value])))
    .find((tensor) => tensor.get(NAME)?.toString() === initializer);
  const data = found!.get(RAW_DATA)!;
  change({
    length: data.length / 4,
    get: (i) => data.readFloatLE(4 * i),
    set: (i, value) => void data.writeFloatLE(value, 4 * i),
  });
  if (resign) {
    const before = /"model_sha256": ?"([0-9a-f]{64})"/.exec(forged.toString("latin1"))![1]!;
    forged.write(digest(forged), forged.indexOf(before), "latin1");
    const card = cardIn(forged); // a view
    card.write(sealed(card.toString()));
  }
  return forged;
}

/** The numbers of an initializer. */
export interface Numbers {
  length: number;
  get(i: number): number;
  set(i: number, value: number): void;
}

/** The names of the initializers that are matrices of so many columns, in the file's order. */
export function matrices(model: Buffer, columns: number): string[] {
  const graph = fields(model).find((field) => field.number === GRAPH);
  return fields(graph!.value)
    .filter((field) => field.number === INITIALIZER)
    .map((field) => fields(field.value))
    .filter((tensor) => {
      const sizes = tensor.filter(({ number }) => number === DIMS).flatMap(({ value }) => varints(value));
      return sizes.length === 2 && sizes[1] === columns;
    })
    .map((tensor) => tensor.find(({ number }) => number === NAME)!.value.toString());
}

/** The card's bytes inside a model. */
export function cardIn(model: Buffer): Buffer {
  const entry = fields(model).find((field) => field.number === METADATA && field.value.includes("aetk.card"));
  return fields(entry!.value).find((field) => field.number === 2)!.value;
}

/** A card with the digest of its own that it should carry. */
export function sealed(card: string): string {
  const old = /"card_sha256": ?"([0-9a-f]{64})/.exec(card)![1]!;
  return card.replace(old, createHash("sha256").update(card.replace(old, "0".repeat(64))).digest("hex"));
}

function digest(model: Buffer): string {
  const rest = fields(model).filter((field) => !(field.number === METADATA && field.value.includes("aetk.card")));
  return createHash("sha256")
    .update(Buffer.concat(rest.map((field) => field.raw)))
    .digest("hex");
}

function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  for (let start = 0; start < message.length; ) {
    let [key, at] = varint(message, start);
    let size = { 1: 8, 5: 4 }[key & 7] ?? 0;
    if ((key & 7) === 0) size = varint(message, at)[1] - at;
    if ((key & 7) === 2) [size, at] = varint(message, at);
    const end = at + size;
    found.push({ number: key >>> 3, raw: message.subarray(start, end), value: message.subarray(at, end) });
    start = end;
  }
  return found;
}

/** A number and where it ends. */
function varint(message: Buffer, start: number): [number, number] {
  let value = 0;
  for (let at = start, scale = 1; ; at++, scale *= 128) {
    const byte = message[at]!;
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at + 1];
  }
}

/** All the numbers in these bytes. */
function varints(message: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < message.length; ) {
    const [value, end] = varint(message, at);
    found.push(value);
    at = end;
  }
  return found;
}
