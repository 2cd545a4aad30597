import { existsSync, readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { echo } from "./echo.ts";
import { choose, chooseModel, download, expect, repository, test } from "./page.ts";

interface Case {
  name: string;
  header: string;
  body: string;
  columns: string[];
  rows?: (number | string)[][];
  error?: { exit_code: number; line: number | null; column: string | null };
}

const FIXTURE = process.env["AETK_AWKWARD"] ?? repository("tests/tables/awkward.json");

test("every awkward table is read, or refused, as by every other reader", async ({ detector: page }) => {
  test.skip(!existsSync(FIXTURE), "AETK_AWKWARD names no tables; they lie in aetk's own repository");
  const { cases } = JSON.parse(readFileSync(FIXTURE, "utf-8")) as { cases: Case[] };
  const wrong: string[] = [];
  for (const columns of new Set(cases.map((one) => JSON.stringify(one.columns)))) {
    await chooseModel(page, echo(JSON.parse(columns) as string[]));
    await expect(page.locator("#card")).toContainText("other.onnx");
    await expect(page.locator("#card table th[scope=row]")).toHaveText(JSON.parse(columns) as string[]);
    for (const [number, one] of cases.entries()) {
      if (JSON.stringify(one.columns) !== columns) continue;
      const name = `case${number}.csv`;
      await choose(page, Buffer.from(one.header + one.body, "latin1"), name);
      const problem = page.locator("#problem");
      await expect(problem.or(page.getByRole("heading", { name: `Result for ${name}` })).filter({ hasText: name })).toBeVisible();
      const message = (await problem.textContent()) ?? "";
      const found = message === "" ? await values(page, one.columns) : message;
      if (!agrees(one, found)) wrong.push(`${one.name}: ${JSON.stringify(found).slice(0, 200)}`);
    }
  }
  expect(wrong).toEqual([]);
});

/** The values that were read, which an echo gives back as contributions. */
async function values(page: Page, columns: string[]): Promise<number[][]> {
  const { cells } = await download(page);
  const header = columns.join("").split("\n").length; // lines
  return cells.slice(header).map((row) => row.slice(4).map(Number));
}

/** Whether the rows read, or the message, are what the case asks for. */
function agrees(one: Case, found: number[][] | string): boolean {
  if (typeof found === "string") {
    if (one.rows?.length === 0) return found.includes("has a header and no rows.");
    const { line = null, column = null } = one.error ?? {};
    const named = /, line (\d+)/.exec(found)?.[1] ?? null;
    return (
      one.error !== undefined &&
      named === (line === null ? null : String(line)) &&
      (column === null || found.includes(`column '${column}'`))
    );
  }
  const numbers: Record<string, number> = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  const expected = one.rows?.map((row) => row.map((value) => Math.fround(numbers[value] ?? Number(value))));
  return JSON.stringify(expected?.map((row) => row.map(String))) === JSON.stringify(found.map((row) => row.map((value) => String(Math.fround(value)))));
}
