import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { Problem } from "../src/core/problem.ts";
import { type Batch } from "../src/core/table.ts";
import { reader } from "./plain.ts";

interface Case {
  name: string;
  header: string;
  body: string;
  columns: string[];
  rows?: (number | string)[][];
  error?: { exit_code: number; line: number | null; column: string | null };
}

// every reader of aetk's is held to these tables; an app by itself has the few below
const SHARED = process.env["AETK_AWKWARD"] ?? "../../../tests/tables/awkward.json";
const OWN: Case[] = [
  { name: "CRLF and a quoted newline", header: "a,note,b\r\n", body: '1,"two\r\nlines",2\r\n', columns: ["b", "a"], rows: [[2, 1]] },
  { name: "missing and infinite", header: "a,b\n", body: ",NaN\n-inf,1e400", columns: ["a", "b"], rows: [["nan", "nan"], ["-inf", "inf"]] },
  { name: "an underscore", header: "a,b\n", body: "1,2\n3,1_000\n", columns: ["a", "b"], error: { exit_code: 2, line: 3, column: "b" } },
  { name: "Arabic digits", header: "a\n", body: "\u00d9\u00a1\n", columns: ["a"], error: { exit_code: 2, line: 2, column: "a" } },
  { name: "not UTF-8", header: "a,b\n", body: "1,2\n\u00e9,2\n", columns: ["a", "b"], error: { exit_code: 2, line: 3, column: null } },
];
const CASES = existsSync(SHARED) ? [...OWN, ...(JSON.parse(readFileSync(SHARED, "utf8")) as { cases: Case[] }).cases] : OWN;

function read(bytes: Uint8Array, columns: string[], piece: number): number[][] {
  const table = reader(columns);
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length; at += piece) batches.push(...table.push(bytes.subarray(at, at + piece)));
  batches.push(...table.end());
  const width = columns.length;
  return batches.flatMap(({ rows, values }) =>
    Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width), (x) => x + 0)), // no -0
  );
}

for (const found of CASES) {
  for (const piece of [1, 7, 2 ** 20]) {
    test(`${found.name}, in pieces of ${piece}`, () => {
      const bytes = Uint8Array.from(found.header + found.body, (byte) => byte.charCodeAt(0));
      if (found.rows !== undefined) {
        const expected = found.rows.map((row) => row.map((cell) => Math.fround(asNumber(cell))));
        assert.deepEqual(read(bytes, found.columns, piece), expected);
        return;
      }
      const { error } = found;
      assert.throws(
        () => read(bytes, found.columns, piece),
        (problem: unknown) =>
          problem instanceof Problem &&
          problem.exitCode === error!.exit_code &&
          (error!.line === null || new RegExp(`line ${error!.line}\\b`).test(problem.message)) &&
          (error!.column === null || problem.message.includes(`column '${error!.column}'`)),
      );
    });
  }
}

function asNumber(cell: number | string): number {
  if (typeof cell === "number") return cell;
  return cell === "nan" ? NaN : cell === "inf" ? Infinity : -Infinity;
}

test("rows come in batches, in order, with the cells that are carried along", () => {
  const table = reader(["x"], "id");
  const lines = Array.from({ length: 10_000 }, (_, i) => `${i},"k,${i}"`).join("\n");
  const batches = [...table.push(new TextEncoder().encode(`x,id\n${lines}`)), ...table.end()];
  assert.deepEqual(batches.map((batch) => batch.rows), [4096, 4096, 1808]);
  assert.equal(batches[1]!.values[0], 4096);
  assert.equal(batches[2]!.keys.at(-1), "k,9999");
});

/** How many bytes are decoded or copied, and how many characters are looked at one by one, while `read` runs. */
function work(read: () => void): number {
  let units = 0;
  const counted: [object, string, (result: unknown, argument: unknown) => number][] = [
    [TextDecoder.prototype, "decode", (_, bytes) => (bytes as Uint8Array).length],
    [Uint8Array.prototype, "set", (_, bytes) => (bytes as Uint8Array).length],
    [Uint8Array.prototype, "slice", (bytes) => (bytes as Uint8Array).length],
    [String.prototype, "charCodeAt", () => 1],
  ];
  const restore = counted.map(([owner, name, cost]) => {
    const own = Object.getOwnPropertyDescriptor(owner, name);
    const original = (owner as Record<string, (one: unknown, two: unknown) => unknown>)[name]!;
    const value = function (this: unknown, one: unknown, two: unknown): unknown {
      const result = original.call(this, one, two);
      units += cost(result, one);
      return result;
    };
    Object.defineProperty(owner, name, { value, configurable: true, writable: true });
    return () => (own === undefined ? Reflect.deleteProperty(owner, name) : Object.defineProperty(owner, name, own));
  });
  try {
    read();
  } finally {
    for (const undo of restore) undo();
  }
  return units;
}

test("a line of ten million characters is read, and no byte of it more than some times", () => {
  const table = reader(["x"]);
  const bytes = new TextEncoder().encode(`x,note\n1,"${"long ".repeat(2_000_000)}"\n2,${"a".repeat(10_000_000)}`);
  const batches: Batch[] = [];
  const done = work(() => {
    for (let at = 0; at < bytes.length; at += 65_536) batches.push(...table.push(bytes.subarray(at, at + 65_536)));
    batches.push(...table.end());
  });
  assert.deepEqual(batches.flatMap(({ values }) => [...values]), [1, 2]);
  assert.ok(done < MOST_WORK * bytes.length, `${done / bytes.length} times`);
});

/** Times a byte may be touched: copied, joined, decoded and measured, once or twice each. */
const MOST_WORK = 6;

const TOO_LONG = {
  message: "t.csv, line 2: the row is longer than 16 MiB.",
  hint: "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.",
  exitCode: 2,
};

for (const [kind, character] of [["ASCII", "a"], ["accents", "é"], ["a script", "値"], ["pairs", "\u{1f600}"]] as const) {
  for (const isQuoted of [false, true]) {
    test(`the longest row, of ${kind}, ${isQuoted ? "in many lines" : "in one line"}, is measured in bytes, each some times only`, () => {
      const encoder = new TextEncoder();
      const [before, after] = isQuoted ? ['"', '",1\n'] : ["", ",1\n"];
      const piece = encoder.encode(isQuoted ? `${character}${character}\n` : character);
      const room = 2 ** 24 - before.length - after.length;
      const row = (length: number): Uint8Array => {
        const bytes = new Uint8Array(length).fill(97);
        for (let at = 0; at + piece.length <= length; at += piece.length) bytes.set(piece, at);
        return bytes;
      };
      const read = (bytes: Uint8Array): Batch[] => {
        const table = reader(["x"]);
        const batches = table.push(encoder.encode(`note,x\n${before}`));
        for (let at = 0; at < bytes.length; at += 2 ** 20) batches.push(...table.push(bytes.subarray(at, at + 2 ** 20)));
        return [...batches, ...table.push(encoder.encode(after)), ...table.end()];
      };
      const [longest, tooLong] = [row(room), row(room + 1)];
      const done = work(() => assert.equal(read(longest)[0]!.rows, 1)) + work(() => assert.throws(() => read(tooLong), TOO_LONG));
      assert.ok(done < 2 * MOST_WORK * room, `${done / room} times`);
    });
  }
}

test("a line without an end is refused as soon as it is too long", () => {
  const table = reader(["x"]);
  table.push(new TextEncoder().encode("x\n"));
  const piece = new Uint8Array(2 ** 20);
  for (let i = 0; i < 16; i++) table.push(piece);
  assert.throws(() => table.push(piece), TOO_LONG);
});
