import { echo } from "./echo.ts";
import { cardIn, forge, matrices, type Numbers } from "./forgery.ts";
import { CARD, choose, chooseModel, csv, expect, judged, MODEL, NAMES, rows, test, watch } from "./page.ts";

test("the golden rows pass in this browser and the card is shown", async ({ detector: page }) => {
  await expect(page.locator("#verdict")).toContainText(/\d+ golden rows replayed.*onnxruntime-web \d+\.\d+\.\d+, wasm/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(CARD.name);
  await expect(page.locator("#card")).toContainText("SHA-256");
  await expect(page.getByLabel("CSV file")).toBeEnabled();
});

const [WEIGHT] = matrices(MODEL, NAMES.length);
// what scales the features, or else the first layer
const ENTRY = matrices(MODEL, NAMES.length).find((name) => name === "scale.weight") ?? WEIGHT!;

const changes: [string, string, (values: Numbers) => void][] = [
  ["a changed weight", WEIGHT!, (values) => values.set(7, values.get(7) + 0.5)],
  ["a moved threshold", "threshold", (values) => values.set(0, values.get(0) - 0.002)],
  ["swapped columns", ENTRY, swapColumns],
];

for (const [name, initializer, change] of changes) {
  test(`a model with ${name} is refused for its digest`, async ({ page }) => {
    const forged = forge(MODEL, initializer, change, false);
    await page.route("**/detector.onnx", (route) => route.fulfill({ body: forged }));
    await page.goto("./");
    await expect(page.locator("#verdict.failed")).toContainText("SHA-256 is not the one in its card");
    await expect(page.getByLabel("CSV file")).toBeDisabled();
  });

  test(`a model with ${name} and a new digest fails its golden rows`, async ({ page }) => {
    const forged = forge(MODEL, initializer, change, true);
    await page.route("**/detector.onnx", (route) => route.fulfill({ body: forged }));
    await page.route("**/detector.card.json", (route) => route.fulfill({ body: cardIn(forged) }));
    await page.goto("./");
    await expect(page.locator("#verdict.failed")).toContainText("self-test FAILED");
    await expect(page.getByLabel("CSV file")).toBeDisabled();
  });
}

test("a chosen model that fails is refused; the one before stays, and so does its result", async ({ detector: page }) => {
  await choose(page, csv(rows(50)));
  await judged(page);
  for (const resign of [false, true]) {
    await chooseModel(page, forge(MODEL, ENTRY, swapColumns, resign));
    await expect(page.locator("#model-problem")).toContainText(resign ? "self-test FAILED" : "it was changed");
  }
  await expect(page.locator("#verdict")).toHaveClass(/passed/);
  await expect(page.getByRole("heading", { name: "Result for table.csv" })).toBeVisible();
  await choose(page, csv(rows(60)), "next.csv");
  await judged(page, "next.csv");
});

test("a stale copy of the card is refused, beside the page's model or a chosen one", async ({ page, baseURL }) => {
  const stale = Buffer.from(JSON.stringify({ ...CARD, name: "stale" }));
  const faults = watch(page, new URL(baseURL!).origin);
  await page.goto("./");
  await expect(page.getByText("Self-test passed")).toBeVisible();
  await chooseModel(page, MODEL, stale);
  await expect(page.locator("#model-problem")).toContainText("not the card that is inside other.onnx");
  expect(faults).toEqual([]);
  await page.route("**/detector.card.json", (route) => route.fulfill({ body: stale }));
  await page.reload();
  await expect(page.locator("#verdict.failed")).toContainText("not the card that is inside detector.onnx");
});

test("files that are not models are refused", async ({ detector: page }) => {
  const refused: [Buffer, string][] = [
    [Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), "other.onnx: not a readable ONNX file."],
    [Buffer.alloc(0), "other.onnx: It carries no aetk card."],
    [MODEL.subarray(0, 5000), "other.onnx: not a readable ONNX file."],
    [Buffer.from(JSON.stringify(CARD)), "other.onnx: Not a model but the card of one; expected an .onnx file."],
    [Buffer.from("V1,V2\n1,2\n"), "other.onnx: Not a model but a table (CSV); expected an .onnx file."],
  ];
  for (const [bytes, message] of refused) {
    await chooseModel(page, bytes);
    await expect(page.locator("#model-problem")).toContainText(message);
  }
});

test("a model that this runtime cannot run is refused", async ({ page }) => {
  await page.goto("./");
  await chooseModel(page, echo(["a", "b"], "Conjuration"));
  await expect(page.locator("#model-problem")).toContainText(/^wasm cannot run this model: .*Conjuration/);
});

test("a model that is chosen before the page's own has come is told of all the same", async ({ page }) => {
  let send = (): void => undefined;
  const isChosen = new Promise<void>((resolve) => (send = resolve));
  await page.route("**/detector.onnx", async (route) => {
    await isChosen;
    await route.continue();
  });
  await page.goto("./");
  await chooseModel(page, Buffer.from("no model"));
  send();
  await expect(page.locator("#model-problem")).toContainText("other.onnx");
});

test("a page without a model says so", async ({ page }) => {
  await page.route("**/detector.onnx", (route) => route.fulfill({ status: 404, body: "Not found" }));
  await page.goto("./");
  await expect(page.locator("#verdict.failed")).toContainText("No such model: model/detector.onnx.");
});

test("another model judges the table that is there", async ({ detector: page }) => {
  await choose(page, csv(rows(50)));
  await judged(page);
  await chooseModel(page, MODEL, cardIn(MODEL));
  await expect(page.locator("#card")).toContainText("other.onnx");
  await expect(page.locator("#announcement")).toHaveText("table.csv is judged: 50 rows.");
});

/** Swaps what the first two features are multiplied by; `values` is [any number, features]. */
function swapColumns(values: Numbers): void {
  for (let at = 0; at < values.length; at += NAMES.length) {
    const [one, other] = [values.get(at), values.get(at + 1)];
    values.set(at, other);
    values.set(at + 1, one);
  }
}
