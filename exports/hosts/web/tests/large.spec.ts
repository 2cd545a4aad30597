import type { Page } from "@playwright/test";
import { choose, csv, download, expect, judged, rows, test } from "./page.ts";

const ROWS = 100_000;
const LONGEST_GAP = 200;

/** Begin to note the longest time, in milliseconds, between two frames of the page. */
const watchFrames = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const noted = { longest: 0, last: performance.now() };
    const frame = (): void => {
      const now = performance.now();
      noted.longest = Math.max(noted.longest, now - noted.last);
      noted.last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    Object.assign(window, { noted });
  });

const longestGap = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as { noted: { longest: number } }).noted.longest);

test("100,000 rows are judged while the page stays awake, and can be cancelled", async ({ detector: page }, info) => {
  // the same 5,000 rows again and again: Playwright carries at most 50 MB
  const some = csv(rows(5000));
  const [head, ...lines] = some.trimEnd().split("\n");
  const path = info.outputPath("large.csv");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(path, `${head}\n${`${lines.join("\n")}\n`.repeat(ROWS / 5000)}`);

  await choose(page, some, "before.csv");
  await judged(page, "before.csv");
  await watchFrames(page);
  await page.getByLabel("CSV file").setInputFiles(path);
  await expect(page.locator("#progress-text")).toContainText(/large\.csv: [1-9][\d,]* rows, \d+%/);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator("#announcement")).toHaveText("Cancelled.");
  await expect(page.locator("#progress")).toBeHidden();
  await expect(page.getByRole("heading", { name: "Result for before.csv" })).toBeVisible();

  await page.getByLabel("CSV file").setInputFiles([]); // as a click does, so that the same file is chosen anew
  await page.getByLabel("CSV file").setInputFiles(path);
  const start = Date.now();
  await judged(page, "large.csv");
  console.log(`${ROWS} rows judged in ${Date.now() - start} ms; longest gap between frames ${await longestGap(page)} ms`);
  expect(await longestGap(page)).toBeLessThan(LONGEST_GAP);
  expect((await download(page)).cells).toHaveLength(ROWS + 1);

  const slider = page.getByRole("slider", { name: "Threshold" });
  await slider.focus();
  for (let i = 0; i < 20; i++) await slider.press("ArrowRight");
  expect(await longestGap(page)).toBeLessThan(LONGEST_GAP);
});

test("a table chosen while another is judged takes its place", async ({ detector: page }) => {
  await choose(page, csv(rows(50_000)), "slow.csv");
  await expect(page.locator("#progress-text")).toContainText("slow.csv");
  await choose(page, csv(rows(10)), "quick.csv");
  await judged(page, "quick.csv");
  await expect(page.locator("#announcement")).toHaveText("quick.csv is judged: 10 rows.");
  await expect(page.locator("#problem")).toBeEmpty();
});
