import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import type { Feature } from "../src/core/card.ts";
import { Problem } from "../src/core/problem.ts";
import { DEFAULT, readEncoding, readFormat, Refused } from "../src/core/reading.ts";
import { type Batch, TableReader } from "../src/core/table.ts";
import { rowReader } from "../src/core/values.ts";

type Keys = Partial<Feature> & { name: string };

interface Case {
  name: string;
  table: object | null;
  features: Keys[];
  content: string;
  rows?: (number | string | null)[][];
  error?: { line: number | null; column: string | null };
}

const feature = (keys: Keys): Feature => ({ position: 0, quantiles: [], missing: "reject", fill: null, ...keys });

// every reader of aetk's is held to these tables; an app by itself has the few below
const SHARED = process.env["AETK_FORMATS"] ?? "../../../tests/tables/formats.json";
const OWN: Case[] = [
  { name: "own: decimal comma", table: { delimiter: ";", decimal: "," }, features: [{ name: "a" }, { name: "b" }], content: "a;b\n1,5;-2e1\n", rows: [[1.5, -20]] },
  { name: "own: runs of blanks and a footer", table: { delimiter: " ", skip_footer: 1 }, features: [{ name: "b" }], content: " a  b\n 1\t2 \n3 4\nsum\n", rows: [[2], [4]] },
  { name: "own: a pair of UTF-16", table: { encoding: "utf-16" }, features: [{ name: "p", levels: ["\u{1f600}"] }], content: "p\x00\n\x00\x3d\xd8\x00\xde\n\x00", rows: [[0]] },
  { name: "own: half a pair of UTF-16", table: { encoding: "utf-16" }, features: [{ name: "p" }], content: "p\x00\n\x001\x00\n\x00\x00\xde\n\x00", error: { line: 3, column: null } },
  { name: "own: half a character of UTF-16", table: { encoding: "utf-16" }, features: [{ name: "p" }], content: "p\x00\n\x001\x00\n\x001", error: { line: 3, column: null } },
  { name: "own: a byte that Windows-1252 lacks", table: { encoding: "cp1252" }, features: [{ name: "p" }], content: "p,q\n1,\x93\n1,\x81\n", error: { line: 3, column: null } },
  { name: "own: Latin-1 is not Windows-1252", table: { encoding: "latin-1" }, features: [{ name: "p", levels: ["\x80"] }], content: "p\n\x80\n", rows: [[0]] },
  { name: "own: a quoted line end with semicolons", table: { delimiter: ";", comment: "#" }, features: [{ name: "a" }], content: 'a;n\n1;"x\n#y;"\n2;z\n', rows: [[1], [2]] },
  { name: "own: text after a quote", table: { delimiter: ";" }, features: [{ name: "a" }], content: 'a;n\n1;"x"y\n', error: { line: 2, column: null } },
  { name: "own: no line that holds the names", table: { header: "#fields" }, features: [{ name: "a" }], content: "a\n1\n", error: { line: null, column: null } },
  { name: "own: another format", table: { delimiter: ";" }, features: [{ name: "a" }], content: "a,b\n1,2\n", error: { line: null, column: null } },
];
const CASES = existsSync(SHARED) ? [...OWN, ...(JSON.parse(readFileSync(SHARED, "utf8")) as { cases: Case[] }).cases] : OWN;

function read({ table, features, content }: Case, piece: number): number[][] {
  const bytes = Uint8Array.from(content, (byte) => byte.charCodeAt(0));
  const reader = new TableReader("t.csv", features.map((keys) => readEncoding(feature(keys))), null, readFormat(table));
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length; at += piece) batches.push(...reader.push(bytes.subarray(at, at + piece)));
  batches.push(...reader.end());
  const width = features.length;
  return batches.flatMap(({ rows, values }) => Array.from({ length: rows }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]));
}

for (const found of CASES) {
  for (const piece of [1, 7, 2 ** 20]) {
    test(`${found.name}, in pieces of ${piece}`, () => {
      if (found.rows !== undefined) {
        const rows = read(found, piece);
        assert.equal(rows.length, found.rows.length);
        for (const [i, row] of found.rows.entries()) {
          for (const [j, cell] of row.entries()) assertNear(rows[i]![j]!, cell);
        }
        return;
      }
      const { line, column } = found.error!;
      assert.throws(
        () => read(found, piece),
        (problem: unknown) =>
          problem instanceof Problem &&
          problem.exitCode === 2 &&
          (/, line (\d+)/.exec(problem.message)?.[1] ?? null) === (line === null ? null : String(line)) &&
          (column === null || problem.message.includes(`column '${column}'`)),
      );
    });
  }
}

function assertNear(found: number, cell: number | string | null): void {
  const expected = cell === null ? NaN : Number(String(cell).replace("inf", "Infinity"));
  if (Number.isFinite(expected)) assert.ok(Math.abs(found - expected) <= 1e-6 * Math.max(1, Math.abs(expected)), `${found}, expected ${expected}`);
  else assert.equal(found, expected);
}

test("a format that cannot be followed is refused, and so is a feature", () => {
  const formats = [
    { delimiter: ":" }, { decimal: "٫" }, { thousands: ".", decimal: "." }, { encoding: "shift-jis" }, { header: 1 }, { header: "" },
    { skip_rows: -1 }, { skip_rows: true }, { missing: [1] }, { missing: "ab" }, { labels: { column: "L", anomaly: ["a"], ordinary: ["b"] } },
    { labels: { column: "L" } }, { quote: "'" },
  ];
  for (const changed of formats) assert.throws(() => readFormat({ ...DEFAULT, ...changed }), Refused);
  for (const data of [[], "csv", 3]) assert.throws(() => readFormat(data), /expected an object/);
  const features: object[] = [
    { levels: ["a", "a"] }, { levels: Array.from({ length: 64 }, (_, i) => String(i)) }, { levels: [1] }, { levels: "ab" }, { truths: ["yes"] },
    { truths: ["yes", "yes"] }, { notation: "octal" }, { levels: ["a"], truths: ["no", "yes"] }, { time: 3 },
    { time: { column: "t", format: "iso", part: "hour sine" } }, { time: { column: "t", format: "ymd", part: "minute" } },
  ];
  for (const keys of features) assert.throws(() => readEncoding(feature({ name: "x", ...keys } as Keys)), /'x'/);
});

const KINDS: Keys[] = [
  { name: "protocol", levels: ["tcp", "6"], missing: "level" },
  { name: "urgent", truths: ["no", "yes"] },
  { name: "size", markers: ["-999"] },
  { name: "at hour sine", time: { column: "at", format: "ymd", part: "hour sine" } },
  { name: "since hour cosine", time: { column: "since", format: "s", part: "hour cosine" } },
];
const row = rowReader(KINDS.map((keys) => readEncoding(feature(keys))), DEFAULT);
const GIVEN = { protocol: "tcp", urgent: true, size: 12, at: "2024-05-06 06:00", since: 0, other: "x" };

test("a program's row takes text for categories and times, true and false, and null for what is missing", () => {
  assert.deepEqual([...row(GIVEN)], [0, 1, 12, 1, 1]);
  assert.deepEqual([...row({ ...GIVEN, protocol: 6, urgent: "No", size: null })].slice(0, 3), [1, 0, NaN]);
  assert.deepEqual([...row({ ...GIVEN, protocol: "sctp", urgent: null, size: -999 })].slice(0, 3), [2, NaN, NaN]);
  assert.deepEqual([...row({ ...GIVEN, protocol: null, at: null })].filter((_, i) => i === 0 || i === 3), [2, NaN]);
  assert.equal(row({ ...GIVEN, size: "-999" })[2], NaN);
  const noon = new Date(2024, 4, 6, 12);
  assert.ok(Math.abs(row({ ...GIVEN, at: noon })[3]!) < 1e-6);
  assert.equal(row({ ...GIVEN, since: new Date(0) })[4], 1);
});

test("a value of another kind is refused by the name of its column", () => {
  const wrong = { protocol: new Date(), urgent: 2, size: "12", at: 7, since: "soon" };
  for (const [name, value] of Object.entries(wrong)) {
    assert.throws(() => row({ ...GIVEN, [name]: value }), (problem: unknown) => problem instanceof Problem && problem.message.startsWith(`'${name}': found `));
  }
  const { at: _, ...less } = GIVEN;
  assert.throws(() => row(less), { message: "No value for 'at'.", hint: "The model takes: protocol, urgent, size, at, since." });
});
