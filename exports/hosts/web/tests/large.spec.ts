import { choose, csv, download, expect, judged, longestGap, rows, test, watchFrames } from "./page.ts";

const ROWS = 100_000;
const LONGEST_GAP = 200;

test("100,000 rows are judged while the page stays awake, and can be cancelled", async ({ detector: page }) => {
  const some = csv(rows(5000));
  const [head, ...lines] = some.trimEnd().split("\n");
  const large = `${head}\n${`${lines.join("\n")}\n`.repeat(ROWS / 5000)}`;

  await choose(page, some, "before.csv");
  await judged(page, "before.csv");
  await watchFrames(page);
  await choose(page, large, "large.csv");
  await expect(page.locator("#progress-text")).toContainText(/large\.csv: [1-9][\d,]* rows, \d+%/);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator("#announcement")).toHaveText("Cancelled.");
  await expect(page.locator("#progress")).toBeHidden();
  await expect(page.getByRole("heading", { name: "Result for before.csv" })).toBeVisible();

  await choose(page, large, "large.csv");
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
