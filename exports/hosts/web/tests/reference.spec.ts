import { existsSync, readFileSync } from "node:fs";
import { choose, chooseModel, download, expect, judged, repository, test } from "./page.ts";

const MODEL = process.env["AETK_MODEL"] ?? "";
const SCORES = process.env["AETK_SCORES"] ?? "";
const TABLE = process.env["AETK_TABLE"] ?? repository("../shared/data/creditcard/test.csv");
const TOLERANCE = 1e-5;

test("a real table is judged as aetk score judges it", async ({ detector: page }) => {
  test.skip(!existsSync(MODEL) || !existsSync(SCORES), "AETK_MODEL and AETK_SCORES name no model and its scores");
  test.skip(!existsSync(TABLE), "AETK_TABLE names no table");
  await chooseModel(page, readFileSync(MODEL));
  await expect(page.locator("#card")).toContainText("other.onnx");
  await choose(page, readFileSync(TABLE), "test.csv");
  await judged(page, "test.csv");
  const { cells, text } = await download(page);
  const expected = readFileSync(SCORES, "utf-8");
  const wanted = expected.trimEnd().split("\n").map((line) => line.split(","));
  expect(cells[0]).toEqual(wanted[0]);
  expect(cells).toHaveLength(wanted.length);
  expect(text.endsWith("\n")).toBe(true);
  const decisions = (rows: string[][]): string[] => rows.slice(1).map(([row, , anomaly, valid]) => `${row} ${anomaly} ${valid}`);
  expect(decisions(cells)).toEqual(decisions(wanted));
  let largest = 0;
  for (const [i, row] of cells.slice(1).entries())
    for (const at of [1, ...row.keys()].filter((column) => column === 1 || column > 3))
      largest = Math.max(largest, Math.abs(Number(row[at]) - Number(wanted[i + 1]![at])));
  console.log(`${cells.length - 1} rows; largest difference ${largest}`);
  expect(largest).toBeLessThanOrEqual(TOLERANCE);
});
