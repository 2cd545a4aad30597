import AxeBuilder from "@axe-core/playwright";
import { existsSync, readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { echo, type Keys } from "./echo.ts";
import { choose, chooseModel, download, expect, judged, repository, test } from "./page.ts";

interface Case {
  name: string;
  table: object | null;
  features: Keys[];
  content: string;
  rows?: (number | string | null)[][];
  error?: { line: number | null; column: string | null };
}

const FIXTURE = process.env["AETK_FORMATS"] ?? repository("tests/tables/formats.json");

test("every table is read in its card's format, or refused, as by every other reader", async ({ detector: page }) => {
  test.skip(!existsSync(FIXTURE), "AETK_FORMATS names no tables; they lie in aetk's own repository");
  const { cases } = JSON.parse(readFileSync(FIXTURE, "utf-8")) as { cases: Case[] };
  const wrong: string[] = [];
  const problem = page.locator("#problem");
  for (const [number, one] of cases.entries()) {
    const name = `case${number}.txt`;
    await open(page, one.features, one.table, `case ${number}`);
    await choose(page, Buffer.from(one.content, "latin1"), name);
    await expect(problem.or(page.getByRole("heading", { name: `Result for ${name}` })).filter({ hasText: name })).toBeVisible();
    const message = (await problem.textContent()) ?? "";
    const found = message === "" ? (await download(page)).cells.slice(1).map((row) => row.slice(4).map(Number)) : message;
    if (!agrees(one, found)) wrong.push(`${one.name}: ${JSON.stringify(found).slice(0, 200)}`);
  }
  expect(wrong).toEqual([]);
});

async function open(page: Page, features: Keys[], table: object | null, name: string): Promise<void> {
  await chooseModel(page, echo(features, "Identity", table, name));
  await expect(page.locator("#model-name")).toHaveText(name);
}

/** Whether the rows read, or the message, are what the case asks for. */
function agrees(one: Case, found: number[][] | string): boolean {
  if (typeof found === "string") {
    if (one.rows?.length === 0) return found.includes("has a header and no rows.");
    const { line = null, column = null } = one.error ?? {};
    const named = /, line (\d+)/.exec(found)?.[1] ?? null;
    return one.error !== undefined && named === (line === null ? null : String(line)) && (column === null || found.includes(`column '${column}'`));
  }
  const numbers: Record<string, number> = { null: NaN, inf: Infinity, "-inf": -Infinity };
  const expected = one.rows?.map((row) => row.map((value) => numbers[String(value)] ?? Number(value)));
  return expected !== undefined && expected.length === found.length && expected.every((row, i) => row.every((value, j) => near(value, found[i]![j]!)));
}

const near = (one: number, other: number): boolean =>
  Object.is(one, other) || Math.abs(one - other) <= 1e-6 * Math.max(1, Math.abs(one));

test("the page says which tables a model takes, and shows the level of a category beside what weighs most", async ({ detector: page }) => {
  const table = { delimiter: ";", decimal: ",", missing: ["?"] };
  await open(page, [{ name: "protocol", levels: ["tcp", "udp"], missing: "level" }, { name: "size" }], table, "flows");
  await expect(page.locator("label[for=table-file]")).toHaveText("Text file in the model’s format");
  await expect(page.locator("#table-format")).toContainText("semicolons between cells; a decimal comma; a header line; missing: ?");
  await page.getByText("2 features").click();
  await expect(page.locator("#card tbody tr").first()).toHaveText(/protocol\s*tcp, udp\s*a level of its own/);
  await choose(page, "protocol;size\nudp;1,5\nsctp;1\n?;2\n", "flows.txt");
  await judged(page, "flows.txt");
  await page.getByLabel("All, flagged first").check();
  const why = page.locator("#rows tbody tr .why");
  await expect(why).toHaveCount(3);
  await expect(page.locator("#rows .why").filter({ hasText: "protocol: udp" })).toHaveCount(1);
  await expect(page.locator("#rows .why").filter({ hasText: "protocol: text that the model does not know, or none" })).toHaveCount(2);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
});

test("with a model of contract 1 the page asks for CSV", async ({ detector: page }) => {
  await expect(page.locator("label[for=table-file]")).toHaveText("CSV file with a header line");
  await expect(page.locator("#table-format")).toBeEmpty();
});
