import { createHash } from "node:crypto";
import { sealed } from "./forgery.ts";
import { CARD } from "./page.ts";

/** What a card says of a feature besides its position and quantiles. */
export type Keys = { name: string; [key: string]: unknown };

/**
 * A model whose contributions are the values it was given, so that a scored CSV tells what was read.
 * A valid row has similarity 1, any other -1.
 *
 * @param columns the features' names, or what the card says of them besides
 * @param operator what copies the values; a name that no runtime knows makes a model that cannot run
 */
export function echo(columns: (string | Keys)[], operator = "Identity", table?: object | null, name = "echo"): Buffer {
  const graph = Buffer.concat([
    node(operator, ["features"], "contribution"),
    node("Abs", ["features"], "size"),
    node("LessOrEqual", ["size", "largest"], "fine"),
    node("Cast", ["fine"], "fine_number", integer("to", 1)),
    node("ReduceMin", ["fine_number"], "all_fine", integers("axes", [1]), integer("keepdims", 0)),
    node("Cast", ["all_fine"], "is_valid", integer("to", 9)),
    node("Mul", ["all_fine", "two"], "doubled"),
    node("Sub", ["doubled", "one"], "similarity"),
    node("GreaterOrEqual", ["similarity", "threshold"], "alike"),
    node("Not", ["alike"], "is_anomaly"),
    text(2, "echo"),
    constant("largest", 3.4e38),
    constant("one", 1),
    constant("two", 2),
    constant("threshold", 0.5),
    message(11, shaped("features", 1, columns.length)),
    message(12, shaped("similarity", 1)),
    message(12, shaped("is_anomaly", 9)),
    message(12, shaped("is_valid", 9)),
    message(12, shaped("contribution", 1, columns.length)),
  ]);
  const rest = Buffer.concat([number(1, 8), message(7, graph), message(8, number(2, 17))]);
  return Buffer.concat([rest, message(14, text(1, "aetk.card"), text(2, sealed(JSON.stringify(card(columns.map(keysOf), rest, name, table)))))]);
}

const keysOf = (column: string | Keys): Keys => (typeof column === "string" ? { name: column } : column);

function card(columns: Keys[], rest: Buffer, name: string, table?: object | null): unknown {
  const floats = (...values: number[]): string => Buffer.from(new Float32Array(values).buffer).toString("base64");
  return {
    ...CARD,
    contract: table == null && columns.every((keys) => Object.keys(keys).every((key) => key === "name")) ? 1 : 2,
    name,
    features: columns.map((keys, position) => ({ ...CARD.features[0], position, ...keys })),
    ...(table == null ? {} : { table }),
    threshold: { ...CARD.threshold, value: 0.5 },
    model_sha256: createHash("sha256").update(rest).digest("hex"),
    golden: {
      rows: 1,
      inputs: floats(...columns.map(() => 0)),
      similarity: floats(1),
      similarity64: Buffer.from(new Float64Array([1]).buffer).toString("base64"),
      is_anomaly: [0],
      is_valid: [1],
      made_by: [["hand", 1]],
    },
  };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
  }
  return Buffer.from(bytes);
}

const number = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);

function message(field: number, ...parts: Buffer[]): Buffer {
  const whole = Buffer.concat(parts);
  return Buffer.concat([varint(field * 8 + 2), varint(whole.length), whole]);
}

const text = (field: number, value: string): Buffer => message(field, Buffer.from(value));

const node = (kind: string, inputs: string[], output: string, ...attributes: Buffer[]): Buffer =>
  message(1, ...inputs.map((name) => text(1, name)), text(2, output), text(4, kind), ...attributes);

const integer = (name: string, value: number): Buffer => message(5, text(1, name), number(3, value), number(20, 2));

const integers = (name: string, values: number[]): Buffer =>
  message(5, text(1, name), ...values.map((value) => number(8, value)), number(20, 7));

const constant = (name: string, value: number): Buffer =>
  message(5, number(2, 1), text(8, name), message(9, Buffer.from(new Float32Array([value]).buffer)));

const shaped = (name: string, kind: number, ...sizes: number[]): Buffer =>
  Buffer.concat([
    text(1, name),
    message(
      2,
      message(
        1,
        number(1, kind),
        message(2, message(1, text(2, "batch")), ...sizes.map((size) => message(1, number(1, size)))),
      ),
    ),
  ]);
