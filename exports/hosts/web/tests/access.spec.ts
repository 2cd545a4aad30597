import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { choose, csv, expect, judged, NAMES, rows, test } from "./page.ts";

/** A result with rows that could not be judged, an error, and all that folds unfolded. */
async function fill(page: Page): Promise<void> {
  await choose(page, csv([...rows(400), rows(1)[0]!.with(0, NaN)]));
  await judged(page);
  await choose(page, "a,b\n", "bad.csv");
  await expect(page.locator("#problem")).not.toBeEmpty();
  await page.getByRole("slider", { name: "Threshold" }).press("ArrowLeft");
  for (const details of await page.locator("summary").all()) await details.click();
}

for (const scheme of ["light", "dark"] as const) {
  test(`no fault of accessibility is found in ${scheme} colours`, async ({ detector: page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await fill(page);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.screenshot({ path: `test-results/page-${scheme}.png`, fullPage: true });
  });
}

for (const [name, width, zoom] of [["320 px", 320, 1], ["200% zoom", 640, 2]] as const) {
  test(`nothing is cut off at ${name}`, async ({ detector: page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.evaluate((by) => (document.documentElement.style.fontSize = `${100 * by}%`), zoom);
    await fill(page);
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(wide[0]).toBeLessThanOrEqual(wide[1]!);
    await page.screenshot({ path: `test-results/page-${width}.png`, fullPage: true });
  });
}

test("everything can be done by keyboard, and the focus is seen", async ({ detector: page }) => {
  await choose(page, csv(rows(400)));
  await judged(page);
  await page.getByLabel("All, flagged first").check();
  await expect(page.getByRole("button", { name: "Show 50 more" })).toBeVisible();
  await page.getByRole("heading", { level: 1 }).click();
  const visited: string[] = [];
  for (let i = 0; i < 100; i++) {
    await page.keyboard.press("Tab");
    const [id, seen] = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement;
      const name = at === document.body ? "" : at.id || at.textContent?.trim() || at.tagName;
      return [name, getComputedStyle(at).outlineStyle] as const;
    });
    if (id === "") break; // past the end
    expect(seen, `the focus on ${id}`).not.toBe("none");
    visited.push(id);
  }
  expect(visited).toEqual(expect.arrayContaining(["table-file", "key", "threshold-slider", "threshold-number",
    "threshold-back", "download", "show-more", `${NAMES.length} features`, "model-file"])); // prettier-ignore

  const slider = page.getByRole("slider", { name: "Threshold" });
  await slider.focus();
  const said = await slider.getAttribute("aria-valuetext");
  for (let i = 0; i < 3; i++) await page.keyboard.press("PageDown");
  expect(await slider.getAttribute("aria-valuetext")).not.toBe(said);
  expect(await slider.getAttribute("aria-valuetext")).toMatch(/^0\.\d+: [\d.,]+ alarms per 1,000 rows$/);
  await page.locator("#threshold-back").press("Enter");
  expect(await slider.getAttribute("aria-valuetext")).toBe(said);

  const more = page.locator("#show-more");
  await page.getByLabel("All, flagged first").press("Space");
  await more.press("Enter");
  await expect(page.locator("#rows tbody tr")).toHaveCount(75);
});

test("the page can be understood without its picture", async ({ detector: page }) => {
  await choose(page, csv(rows(400)));
  await judged(page);
  await expect(page.getByRole("img", { name: /^Histogram of similarity: [\d,]+ of 400 rows are flagged/ })).toBeVisible();
  await page.getByText("The histogram as a table").click();
  const counts = await page.locator("#histogram-table tbody td:last-child").allTextContents();
  expect(counts.reduce((sum, text) => sum + Number(text), 0)).toBe(400);
  const levels = await page.locator(":is(h1, h2, h3):visible").evaluateAll((all) => all.map((one) => Number(one.tagName[1])));
  expect(levels[0]).toBe(1);
  for (let i = 1; i < levels.length; i++) expect(levels[i]! - levels[i - 1]!).toBeLessThanOrEqual(1);
});
