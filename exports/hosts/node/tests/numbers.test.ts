import assert from "node:assert/strict";
import { test } from "node:test";

import { shortest } from "../src/core/float32.ts";
import { general } from "../src/general.ts";
import { stem, tidied } from "../src/paths.ts";

test("a float32 is written with the fewest digits that give it back", () => {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  for (let i = 0; i < 50_000; i++) {
    bits[0] = (i * 2_654_435_761) >>> 0; // spread over all of them, NaN and infinity among them
    if (!Number.isFinite(value[0]!)) continue;
    let digits = 1;
    while (Math.fround(Number(value[0]!.toPrecision(digits))) !== value[0]!) digits++;
    const text = shortest(value[0]!);
    assert.equal(Math.fround(Number(text)), value[0]!);
    assert.ok(Number(text).toExponential().replace(/e.*|[-.]/g, "").length <= digits, text);
  }
  assert.deepEqual([0, -0, 1, -1, Math.fround(0.1), 1e-45].map((x) => shortest(Math.fround(x))), ["0", "-0", "1", "-1", "0.1", "1e-45"]);
});

test("numbers in messages read as in the other hosts", () => {
  assert.deepEqual([1.2e-7, 3e-7, 0, Infinity].map((x) => general(x, 2)), ["1.2e-07", "3e-07", "0", "inf"]);
  assert.deepEqual([1e-5, 0.95, 0.9753321, 1, -0.5].map((x) => general(x, 6)), ["1e-05", "0.95", "0.975332", "1", "-0.5"]);
});

test("paths in messages read as in the other hosts", { skip: process.platform === "win32" }, () => {
  const found = ["./t.csv", "a//b/", "/x/./y", "../t", "", "/", "//net/x", "///x"].map(tidied);
  assert.deepEqual(found, ["t.csv", "a/b", "/x/y", "../t", ".", "/", "//net/x", "/x"]);
  assert.deepEqual(["a/t.csv", "t.tar.gz", ".hidden", "t.", "t"].map(stem), ["t", "t.tar", ".hidden", "t.", "t"]);
});
