import { choose, csv, download, expect, figure, judged, LONGEST_TASK, longestTask, NAMES, rows, test, watch, watchTasks } from "./page.ts";

test("a table that cannot be read is refused with its line, and the result before it stays", async ({ detector: page }) => {
  await choose(page, csv(rows(30)), "good.csv");
  await judged(page, "good.csv");
  const alert = page.locator("#problem");
  const [first, second] = rows(2).map((row) => row.join(","));
  const refused: [string | Buffer, string][] = [
    ["", "bad.csv is empty; expected a header line with column names."],
    [Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"), "bad.csv, line 1: not UTF-8 text."],
    ["a,b\n1,2\n", `bad.csv has no column '${NAMES[0]}'.`],
    [NAMES.join(";") + "\n", "bad.csv: the header is one column"],
    [`${NAMES.join(",")}\n`, "bad.csv has a header and no rows."],
    [`${NAMES.join(",")}\n${first}\n1,2\n`, `bad.csv, line 3: found 2 cells, expected ${NAMES.length} as in the header.`],
    [`${NAMES.join(",")}\n${first}\n${second!.replace(/^[^,]*/, "1_000")}\n`,
      `bad.csv, line 3, column '${NAMES[0]}': found '1_000', expected a number.`],
  ]; // prettier-ignore
  for (const [content, message] of refused) {
    await choose(page, content, "bad.csv");
    await expect(alert).toContainText(message);
    await expect(alert).toHaveAttribute("role", "alert");
    await expect(page.getByRole("heading", { name: "Result for good.csv" })).toBeVisible();
  }
  expect((await download(page)).name).toBe("good.scores.csv");
  await choose(page, csv(rows(31)), "better.csv");
  await judged(page, "better.csv");
  await expect(alert).toBeEmpty();
});

test("rows with missing or infinite values are flagged and shown as not judged", async ({ detector: page }) => {
  const broken = (value: string, at: number): (number | string)[] => rows(1)[0]!.with(at, value as never);
  const faulty = [broken("", 0), broken("NaN", 3), broken("inf", 5), broken("-Infinity", 29), broken("1e39", 2)];
  await choose(page, csv([...rows(20), ...faulty]));
  await judged(page);
  expect(await figure(page, "Not judged")).toBe("5");
  await page.getByLabel("Could not be judged").check();
  const listed = page.locator("#rows tbody tr");
  await expect(listed).toHaveCount(5);
  for (const row of await listed.all()) await expect(row).toContainText("could not be judged");
  const { cells } = await download(page);
  expect(cells.slice(21).map((row) => row.slice(0, 4))).toEqual(
    [21, 22, 23, 24, 25].map((row) => [String(row), "-1", "1", "0"]),
  );
});

test("hostile names and cells are shown as the text they are", async ({ detector: page }) => {
  const names = ["<script>alert(1)</script>", "<img src=x onerror=alert(2)>", ...NAMES];
  const keys = ['=HYPERLINK("http://evil.example";"x")', "<img src=//evil.example/x onerror=alert(3)>", "@SUM(1)", "</table><script>"];
  const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
  const table = [
    names.map(quoted).join(","),
    ...rows(4).map((row, i) => [quoted(keys[i]!), quoted(keys[(i + 1) % 4]!), ...row].join(",")),
  ].join("\n");
  await choose(page, table, "<b>t<b>.csv");
  await judged(page, "<b>t<b>.csv");
  await page.getByLabel("Name each row by").selectOption(names[1]!);
  await page.getByLabel("All, flagged first").check();
  await expect(page.locator("#rows tbody tr")).toHaveCount(4);
  await expect(page.locator("#rows thead th").first()).toHaveText(names[1]!);
  expect((await page.locator("#rows tbody th .name").allTextContents()).toSorted()).toEqual(keys.toSorted());
  expect(await page.locator("main :is(script, img, b.csv)").count()).toBe(0);
  const { text } = await download(page);
  expect(text.split("\n")[1]).toMatch(/^<img src=\/\/evil\.example\/x onerror=alert\(3\)>,/);
  // a spreadsheet takes no formula from it
  expect(text).toContain(`\n"'=HYPERLINK(""http://evil.example"";""x"")",`);
  expect(text).toContain("\n'@SUM(1),");
});

test("a row without an end is refused, and 100,000 columns are judged by those of the model", async ({ detector: page }) => {
  const alert = page.locator("#problem");
  await choose(page, `${NAMES.join(",")}\n"${"x".repeat(1023)}\n`.padEnd(17 * 2 ** 20, `${"y".repeat(1023)}\n`), "open.csv");
  await expect(alert).toContainText("open.csv, line 2: the row is longer than 16 MiB.");
  await expect(alert).toContainText("A quote that is never closed makes one row of the rest of the file.");
  const others = Array.from({ length: 100_000 }, (_, i) => `other ${i}`);
  await choose(page, csv(rows(3).map((row) => [...others.map(() => 0), ...row]), [...others, ...NAMES]), "wide.csv");
  await judged(page, "wide.csv");
  await expect(page.getByLabel("Name each row by").locator("option")).toHaveCount(1001);
});

test("one cell of ten megabytes is shown in part or refused, and the page stays awake", async ({ detector: page }) => {
  const long = "x".repeat(10_000_000);
  await choose(page, csv([["1", ...rows(1)[0]!], [long, ...rows(1)[0]!]], ["note", ...NAMES]), "long.csv");
  await judged(page, "long.csv");
  await watchTasks(page);
  await page.getByLabel("Name each row by").selectOption("note");
  await expect(page.locator("#rows thead th").first()).toHaveText("note");
  await page.getByLabel("All, flagged first").check();
  await expect(page.locator("#rows tbody th .name").filter({ hasText: /^x{199}…$/ })).toHaveCount(1);
  await choose(page, csv([rows(1)[0]!.with(0, long as never)]), "worse.csv");
  await expect(page.locator("#problem")).toContainText(`found '${"x".repeat(37)}...', expected a number.`);
  await choose(page, long, "one-line.csv");
  await expect(page.locator("#problem")).toContainText("one-line.csv has no column");
  expect(await longestTask(page)).toBeLessThan(LONGEST_TASK);
});

test("the page connects nowhere else, even if it were told to", async ({ page, baseURL }) => {
  const asked: string[] = [];
  await page.goto("./");
  await expect(page.getByText("Self-test passed")).toBeVisible();
  page.on("request", (request) => asked.push(request.url()));
  const blocked = await page.evaluate(async () => {
    const tries = `Promise.allSettled([fetch("http://localhost:9/"), fetch("https://example.org/x")]).then((all) => all.map((one) => one.status))`;
    const worker = new Worker(
      URL.createObjectURL(new Blob([`${tries}.then((found) => postMessage(found))`], { type: "text/javascript" })),
    );
    const inWorker = new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
    const onPage = await Promise.allSettled([fetch("http://localhost:9/"), fetch("https://example.org/x")]);
    return [onPage.map((one) => one.status), await inWorker];
  });
  expect(blocked).toEqual([["rejected", "rejected"], ["rejected", "rejected"]]);
  const origin = new URL(baseURL!).origin;
  expect(asked.filter((url) => !url.startsWith("blob:") && !url.startsWith(origin))).toEqual([]);
});

test("on an isolated page threads are used and the golden rows pass", async ({ page, baseURL }) => {
  const faults = watch(page, new URL(baseURL!).origin);
  await page.goto("/isolated/");
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await expect(page.getByText("Self-test passed")).toBeVisible();
  await choose(page, csv(rows(300)));
  await judged(page);
  expect(faults).toEqual([]);
});

test("a table can be dropped anywhere on the page", async ({ detector: page }) => {
  const dropped = await page.evaluateHandle((content) => {
    const data = new DataTransfer();
    data.items.add(new File([content], "dropped.csv"));
    return data;
  }, csv(rows(20)));
  await page.locator("footer").dispatchEvent("drop", { dataTransfer: dropped });
  await judged(page, "dropped.csv");
});

test("a page whose worker cannot start says so", async ({ page }) => {
  await page.route("**/worker-*.js", (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto("./");
  await expect(page.locator("#verdict.failed")).toContainText("The page's worker cannot run");
});

test("one row is enough, and so is a table of rows that cannot be judged", async ({ detector: page }) => {
  await choose(page, csv(rows(1)), "one.csv");
  await judged(page, "one.csv");
  await expect(page.locator("#announcement")).toHaveText("one.csv is judged: 1 row.");
  await choose(page, csv(rows(30).map((row) => row.with(0, NaN))), "none.csv");
  await judged(page, "none.csv");
  expect(await figure(page, "Alarms per 1,000")).toBe("1,000");
  await page.getByRole("slider", { name: "Threshold" }).fill("0");
  expect(await figure(page, "Flagged")).toBe("30");
  await expect(page.locator("#rows tbody tr")).toHaveCount(25);
});
