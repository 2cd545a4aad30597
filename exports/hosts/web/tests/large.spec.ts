import { choose, csv, download, expect, judged, LONGEST_TASK, longestTask, rows, test, watchTasks } from "./page.ts";

const ROWS = 100_000;

test("100,000 rows are judged while the page stays awake, and can be cancelled", async ({ detector: page }) => {
  const some = csv(rows(5000));
  const [head, ...lines] = some.trimEnd().split("\n");
  const large = `${head}\n${`${lines.join("\n")}\n`.repeat(ROWS / 5000)}`;

  await choose(page, some, "before.csv");
  await judged(page, "before.csv");
  await choose(page, large, "large.csv");
  // in the page, since it may be done by the time that another process has seen it
  await page.waitForFunction(() => {
    const isUnderWay = /large\.csv: [1-9][\d,]* rows, \d+%/.test(document.querySelector("#progress-text")!.textContent!);
    if (isUnderWay) document.querySelector<HTMLButtonElement>("#cancel")!.click();
    return isUnderWay;
  });
  await expect(page.locator("#announcement")).toHaveText("Cancelled.");
  await expect(page.locator("#progress")).toBeHidden();
  await expect(page.getByRole("heading", { name: "Result for before.csv" })).toBeVisible();

  await watchTasks(page);
  await choose(page, large, "large.csv");
  await judged(page, "large.csv");
  const longest = await longestTask(page);
  console.log(`${ROWS} rows judged; the longest task of the page took ${longest.toFixed(1)} ms of processor time`);
  expect(longest).toBeLessThan(LONGEST_TASK);
  expect((await download(page)).cells).toHaveLength(ROWS + 1);

  const slider = page.getByRole("slider", { name: "Threshold" });
  await slider.focus();
  await watchTasks(page);
  for (let i = 0; i < 20; i++) await slider.press("ArrowRight");
  expect(await longestTask(page)).toBeLessThan(LONGEST_TASK);
});

test("a table chosen while another is judged takes its place", async ({ detector: page }) => {
  await choose(page, csv(rows(50_000)), "slow.csv");
  await page.waitForFunction(() => document.querySelector("#progress-text")!.textContent!.includes("slow.csv"));
  await choose(page, csv(rows(10)), "quick.csv");
  await judged(page, "quick.csv");
  await expect(page.locator("#announcement")).toHaveText("quick.csv is judged: 10 rows.");
  await expect(page.locator("#problem")).toBeEmpty();
});
