import { readFileSync } from "node:fs";
import { test as plain } from "@playwright/test";
import { echo } from "./echo.ts";
import { choose, chooseModel, csv, download, expect, judged, rows, test } from "./page.ts";

const FLAGS = JSON.parse(readFileSync(new URL("webgpu-flags.json", import.meta.url), "utf-8")) as string[];

test("WebGPU is loaded only where it is asked for", async ({ page }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  await page.goto("./");
  await expect(page.getByText("Self-test passed")).toBeVisible();
  await expect(page.getByLabel("Run the model on")).toHaveValue("wasm");
  expect(loaded.filter((url) => url.endsWith(".wasm"))).toHaveLength(1);
  expect(loaded.filter((url) => /webgpu|asyncify/.test(url))).toEqual([]);
});

for (const [provider, why] of [["webgpu", /WebGPU finds no graphics device|has no WebGPU/], ["cuda", /has no provider 'cuda'; it has wasm and webgpu/]] as const) {
  test(`where ${provider} is asked for and cannot run, wasm does and the page says so`, async ({ page }) => {
    await page.goto(`./?provider=${provider}`);
    await expect(page.getByText("Self-test passed")).toBeVisible();
    await expect(page.locator("#verdict")).toContainText(`The provider ${provider} was asked for and does not run this model.`);
    await expect(page.locator("#verdict")).toContainText(why);
    await expect(page.locator("#verdict")).toContainText("The provider wasm runs it instead.");
    await expect(page.getByLabel("Run the model on")).toHaveValue("wasm");
    await choose(page, csv(rows(10)));
    await judged(page);
  });
}

plain("WebGPU proves itself by the golden rows, takes no model in part, and gives a table over when it stops", async ({ playwright, baseURL }) => {
  // a browser of its own: in that of the other tests, WebGPU finds no device
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  const browser = await playwright.chromium.launch({ executablePath, args: ["--no-sandbox", ...FLAGS] });
  try {
    const page = await browser.newPage();
    await page.goto(`${baseURL!}?provider=webgpu`);
    const verdict = page.locator("#verdict");
    await expect(verdict).toContainText(/Self-test passed.*onnxruntime-web \S+, webgpu \(.+\)\./);
    await expect(verdict).not.toContainText("instead");
    await choose(page, csv(rows(100)));
    await judged(page);
    const byWebGpu = await download(page);

    await chooseModel(page, echo(["a", "b"], "Softsign"));
    await expect(page.locator("#card")).toContainText("other.onnx");
    await expect(verdict).toContainText("webgpu does not run every node of this model; the processor would run the others.");
    await expect(verdict).toContainText("The provider wasm runs it instead.");

    await page.goto(`${baseURL!}?provider=webgpu`);
    await expect(verdict).toContainText(/Self-test passed.*, webgpu \(/);
    // loses its device at the next use, as a driver that fails does
    await page.workers()[0]!.evaluate(() => {
      interface Device { destroy(): void; createCommandEncoder(...given: unknown[]): unknown }
      const { prototype } = (globalThis as unknown as { GPUDevice: { prototype: Device } }).GPUDevice;
      const create = prototype.createCommandEncoder;
      prototype.createCommandEncoder = function (...given) {
        this.destroy();
        return create.apply(this, given);
      };
    });
    await choose(page, csv(rows(100)));
    await judged(page);
    await expect(verdict).toContainText("The provider webgpu was asked for and does not run this model. webgpu stopped: ");
    await expect(page.getByLabel("Run the model on")).toHaveValue("wasm");
    const byWasm = await download(page);
    const decided = (cells: string[][]): string[] => cells.map(([row, , anomaly, valid]) => `${row} ${anomaly} ${valid}`);
    expect(decided(byWasm.cells)).toEqual(decided(byWebGpu.cells));
  } finally {
    await browser.close();
  }
});
