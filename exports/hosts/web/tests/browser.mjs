// The built page in Chromium, for scripts.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { chromium } from "@playwright/test";

/** What makes Chromium offer WebGPU on any machine: computed in software, where there is no graphics device. */
const WEBGPU = JSON.parse(await readFile(new URL("webgpu-flags.json", import.meta.url), "utf-8"));

/** Serve the page, hand a browser and the page's address to `work`, and end both. */
export async function withBrowser(work) {
  const server = spawn("node", ["tests/server.js", "0", "dist", "/"], { stdio: ["ignore", "pipe", "inherit"] });
  const port = Number(String(await once(server.stdout, "data")));
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", ...WEBGPU],
  });
  try {
    await work(browser, `http://127.0.0.1:${port}/`);
  } finally {
    await browser.close();
    server.kill();
    await once(server, "exit");
  }
}

/** The page on a provider, once it has a verdict on its own model. */
export async function openPage(browser, address, provider) {
  const page = await browser.newPage();
  page.setDefaultTimeout(600_000); // which measures nothing: the machine may be busy
  await page.goto(`${address}?provider=${provider}`);
  await page.locator("#verdict:is(.passed, .failed)").waitFor();
  return page;
}

/** What the page says of another model: whether it was accepted, and the words. */
export async function openModel(page, name, model) {
  await page.locator("#model-file").setInputFiles({ name, mimeType: "application/octet-stream", buffer: await readFile(model) });
  // the card shows the file's name as soon as the verdict is there
  const accepted = page.locator("#card").getByText(name);
  const refused = page.locator("#model-problem").filter({ hasText: /./ });
  await accepted.or(refused).first().waitFor();
  return (await accepted.isVisible()) ? page.locator("#verdict").innerText() : refused.innerText();
}

const VERDICT =
  /(\d+) golden rows?.*similarity within (\S+) \(tolerance (\S+)\)\. One decision takes ([\d.,]+) µs on (\S+ \S+), (\w+)(?: \((.*?)\))?\.(?:\n|$)/s;

/** A verdict's words as data. */
export function parseVerdict(text) {
  const found = VERDICT.exec(text.trim());
  if (found === null) return { passed: false, wrong: text.trim() };
  const [, rows, difference, tolerance, microseconds, runtime, provider, device] = found;
  return {
    rows: Number(rows), largest_difference: Number(difference), tolerance: Number(tolerance), runtime, provider,
    device: device ?? null, microseconds: Number(microseconds.replaceAll(",", "")), passed: true,
  };
}
