import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { Problem } from "../src/core/problem.ts";
import { type Batch, TableReader } from "../src/core/table.ts";

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
  const reader = new TableReader("t.csv", columns);
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length; at += piece) batches.push(...reader.push(bytes.subarray(at, at + piece)));
  batches.push(...reader.end());
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
  const reader = new TableReader("t.csv", ["x"], "id");
  const lines = Array.from({ length: 10_000 }, (_, i) => `${i},"k,${i}"`).join("\n");
  const batches = [...reader.push(new TextEncoder().encode(`x,id\n${lines}`)), ...reader.end()];
  assert.deepEqual(batches.map((batch) => batch.rows), [4096, 4096, 1808]);
  assert.equal(batches[1]!.values[0], 4096);
  assert.equal(batches[2]!.keys.at(-1), "k,9999");
});

test("a line of ten million characters is read, and read quickly", () => {
  const started = Date.now();
  const reader = new TableReader("t.csv", ["x"]);
  const bytes = new TextEncoder().encode(`x,note\n1,"${"long ".repeat(2_000_000)}"\n2,${"a".repeat(10_000_000)}`);
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) batches.push(...reader.push(bytes.subarray(at, at + 65_536)));
  batches.push(...reader.end());
  assert.deepEqual([...batches[0]!.values], [1, 2]);
  assert.ok(Date.now() - started < 5000);
});

test("a quoted cell of many lines is read quickly, and measured in characters", () => {
  const started = Date.now();
  const read = (lines: number) => {
    const reader = new TableReader("t.csv", ["x"]);
    const bytes = new TextEncoder().encode(`x,note\n1,"${"\u{1f600}\u{1f600}\u{1f600}\n".repeat(lines)}"\n`);
    return [...reader.push(bytes), ...reader.end()];
  };
  assert.equal(read(2 ** 22)[0]!.rows, 1); // exactly the longest cell: 2 ** 24 characters in twice the places of a string
  assert.throws(() => read(2 ** 22 + 1), { message: /^t\.csv, line 2: not a CSV row: field larger than field limit \(16777216\)\.$/ });
  assert.ok(Date.now() - started < 20_000);
});
