import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { test as base, expect, type Page } from "@playwright/test";

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const MODEL = readFileSync(file("../public/model/detector.onnx"));
export const CARD = JSON.parse(readFileSync(file("../public/model/detector.card.json"), "utf-8")) as {
  name: string;
  features: { name: string; quantiles: number[]; [key: string]: unknown }[];
  threshold: { value: number };
};
export const NAMES = CARD.features.map((feature) => feature.name);
export const repository = (path: string): string => file(`../../../../${path}`);

/** A page whose self-test has passed; fails the test on any request to elsewhere or any error in the console. */
export const test = base.extend<{ detector: Page }>({
  detector: async ({ page, baseURL }, use) => {
    const faults = watch(page, new URL(baseURL!).origin);
    await page.goto("./");
    await expect(page.getByText("Self-test passed")).toBeVisible();
    await use(page);
    expect(faults).toEqual([]);
  },
});

/** Collects what a page must not do. */
export function watch(page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "blob:" && url.origin !== origin) faults.push(`requested ${request.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return faults;
}

let files = 0;

/** Choose a table. */
export async function choose(page: Page, content: string | Buffer, name = "table.csv"): Promise<void> {
  // as a file, as people have it: handing bytes over would itself keep the page busy
  const path = base.info().outputPath(`chosen-${++files}`, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  await page.locator("#table-file").setInputFiles(path);
}

/** Choose a model, perhaps with its card. */
export async function chooseModel(page: Page, model: Buffer, card?: Buffer): Promise<void> {
  const files = [{ name: "other.onnx", mimeType: "application/octet-stream", buffer: model }];
  if (card !== undefined) files.push({ name: "other.card.json", mimeType: "application/json", buffer: card });
  await page.getByLabel("Open another model").setInputFiles(files);
}

/** Wait for a table's result. */
export async function judged(page: Page, name = "table.csv"): Promise<void> {
  await expect(page.getByRole("heading", { name: `Result for ${name}` })).toBeVisible();
}

let downloads = 0;

/** The scored CSV as downloaded, cell by cell; the cells must hold no commas. */
export async function download(page: Page): Promise<{ name: string; text: string; cells: string[][] }> {
  // Chromium ignores the eleventh download of a page that lets no two seconds pass in between
  if (++downloads % 8 === 0) await page.waitForTimeout(2500);
  const [started] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download scored CSV" }).click(),
  ]);
  const text = readFileSync(await started.path(), "utf-8");
  const cells = text.trimEnd().split("\n").map((line) => line.split(","));
  return { name: started.suggestedFilename(), text, cells };
}

/** A figure beside its name. */
export async function figure(page: Page, name: string): Promise<string> {
  return page.locator("#figures div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}`) }) }).locator("dd").innerText();
}

/** Numbers between 0 and 1, the same in each run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Synthetic rows about the card's medians, one in ten drawn far out. */
export function rows(count: number, seed = 7): number[][] {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const spread = 0.8 * next() + (i % 10 === 9 ? 3 : 0);
    return CARD.features.map(({ quantiles }) => {
      const [low, median, high] = [quantiles[2]!, quantiles[3]!, quantiles[4]!];
      return Number((median + spread * (high - low) * (next() - 0.5)).toPrecision(7));
    });
  });
}

/** A CSV of these rows. */
export const csv = (values: (number | string)[][], names: string[] = NAMES): string =>
  [names, ...values].map((cells) => cells.join(",")).join("\n") + "\n";

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Microseconds of processor time. */
  tdur?: number;
  args: { name?: string };
}

/** Milliseconds of processor time that a task of the page may take: its user then waits, even on an idle machine. */
export const LONGEST_TASK = 200;

/** Begin to note the tasks of the page's own thread, which has to stay free for whoever uses the page. */
export const watchTasks = (page: Page): Promise<void> => page.context().browser()!.startTracing(page, { categories: ["toplevel"] });

/** The processor time, in milliseconds, of the longest task since; however busy the machine, others add nothing to it. */
export async function longestTask(page: Page): Promise<number> {
  const trace = String(await page.context().browser()!.stopTracing());
  const { traceEvents: events } = JSON.parse(trace) as { traceEvents: TraceEvent[] };
  const own = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ tid, pid }) => `${pid} ${tid}`);
  const tasks = events.filter(({ name, pid, tid }) => name === "ThreadControllerImpl::RunTask" && own.includes(`${pid} ${tid}`));
  const longest = Math.max(...tasks.map(({ tdur }) => (tdur ?? 0) / 1000)); // none of one that the trace cut off
  expect(longest).toBeGreaterThan(0);
  return longest;
}

export { expect };
