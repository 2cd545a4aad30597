import type { Page } from "@playwright/test";
import { CARD, choose, csv, download, expect, figure, judged, NAMES, rows, test } from "./page.ts";

const slide = (page: Page, step: number): Promise<void> => page.getByRole("slider", { name: "Threshold" }).fill(String(step));

const chosen = async (page: Page): Promise<number> =>
  Math.fround(Number(await page.getByLabel("Flag what is less similar than").inputValue()));

test("the figures and the download follow the slider, and go back to the model's threshold", async ({ detector: page }) => {
  await choose(page, csv(rows(1000)));
  await judged(page);
  const own = await download(page);
  const similarity = own.cells.slice(1).map((row) => Number(row[1]));
  const flagged = (threshold: number): number => similarity.filter((value) => !(value >= threshold)).length;
  expect(await chosen(page)).toBe(CARD.threshold.value);
  expect(own.cells.slice(1).filter((row) => row[2] === "1")).toHaveLength(flagged(CARD.threshold.value));

  const seen = new Set<number>();
  for (const step of [0, 200, 450, 700, 1000]) {
    await slide(page, step);
    const threshold = await chosen(page);
    seen.add(flagged(threshold));
    expect(await figure(page, "Flagged")).toBe(flagged(threshold).toLocaleString("en"));
    await expect(page.locator("#threshold-effect")).toHaveText(`${flagged(threshold).toLocaleString("en")} alarms per 1,000 rows`);
    await expect(page.getByLabel(/^Flagged/)).toBeVisible();
    await expect(page.locator("#rows label").first()).toHaveText(`Flagged (${flagged(threshold).toLocaleString("en")})`);
  }
  expect(seen.size).toBeGreaterThan(3);

  await slide(page, 450);
  const threshold = await chosen(page);
  const moved = await download(page);
  expect(moved.cells.slice(1).map((row) => row[2])).toEqual(similarity.map((value) => (value >= threshold ? "0" : "1")));
  await expect(page.locator("#download-note")).toContainText("your threshold");
  await page.getByRole("button", { name: "Back to the model" }).click();
  expect(await chosen(page)).toBe(CARD.threshold.value);
  expect((await download(page)).text).toBe(own.text);
});

test("a threshold can be typed; what is none is not taken", async ({ detector: page }) => {
  await choose(page, csv(rows(100)));
  await judged(page);
  const field = page.getByLabel("Flag what is less similar than");
  await field.fill("-0.999");
  await field.press("Enter");
  await expect(page.locator("#threshold-effect")).toHaveText("0 alarms per 1,000 rows");
  for (const wrong of ["-1", "1.5", ""]) {
    await field.fill(wrong);
    await field.press("Enter");
    await expect(field).toHaveValue("-0.999");
  }
});

test("the rows are listed from the least similar on, more on demand", async ({ detector: page }) => {
  await choose(page, csv(rows(1000)));
  await judged(page);
  const { cells } = await download(page);
  const ranked = cells
    .slice(1)
    .map(([row, similarity]) => ({ row: Number(row), similarity: Number(similarity) }))
    .sort((a, b) => a.similarity - b.similarity || a.row - b.row);
  await page.getByLabel("All, flagged first").check();
  const listed = page.locator("#rows tbody th .name");
  await expect(listed).toHaveCount(25);
  await page.getByRole("button", { name: "Show 50 more" }).click();
  await expect(listed).toHaveCount(75);
  expect(await listed.allTextContents()).toEqual(ranked.slice(0, 75).map(({ row }) => row.toLocaleString("en")));
  await expect(page.locator("#rows tbody tr").first()).toContainText("flagged");
});

test("a column can name the rows, in the list and in the download", async ({ detector: page }) => {
  const named = rows(40).map((row, i) => [`P${i}`, ...row]);
  await choose(page, csv(named, ["patient", ...NAMES]));
  await judged(page);
  expect((await download(page)).cells[0]).toEqual(expect.arrayContaining(["row", "similarity", "is_anomaly", "is_valid"]));
  await page.getByLabel("Name each row by").selectOption("patient");
  await expect(page.locator("#rows thead th").first()).toHaveText("patient");
  const { cells } = await download(page);
  expect(cells.map((row) => row[0])).toEqual(["patient", ...named.map((row) => row[0])]);
  // kept for the next table that has the column, left out for one that has not
  await choose(page, csv(named.slice(0, 5), ["patient", ...NAMES]), "next.csv");
  await judged(page, "next.csv");
  await expect(page.getByLabel("Name each row by")).toHaveValue("patient");
  await choose(page, csv(rows(5)), "plain.csv");
  await judged(page, "plain.csv");
  await expect(page.getByLabel("Name each row by")).toHaveValue("");
});
