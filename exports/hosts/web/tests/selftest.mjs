// Replays golden rows in the built page and prints a line of JSON for each model: node tests/selftest.mjs [MODEL.onnx ...]
// Without a model, the page's own. Needs Chromium, as the tests do.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { chromium } from "@playwright/test";

const VERDICT =
  /(\d+) golden rows?.*similarity within (\S+) \(tolerance (\S+)\)\. One decision takes ([\d.,]+) µs on (.*), (\w+)\.$/s;

const server = spawn("node", ["tests/server.js", "0", "dist", "/"], { stdio: ["ignore", "pipe", "inherit"] });
const port = Number(String(await once(server.stdout, "data")));
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(600_000); // which measures nothing: the machine may be busy
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.locator("#verdict:is(.passed, .failed)").waitFor();
  const models = process.argv.slice(2);
  if (models.length === 0) print(await page.locator("#verdict").innerText());
  for (const [i, model] of models.entries()) {
    await page.locator("#model-file").setInputFiles({
      name: `${i}.onnx`, mimeType: "application/octet-stream", buffer: await readFile(model),
    });
    // the card shows the file's name as soon as the verdict is there
    const accepted = page.locator("#card").getByText(`${i}.onnx`);
    const refused = page.locator("#model-problem").filter({ hasText: /./ });
    await accepted.or(refused).first().waitFor();
    print(await ((await accepted.isVisible()) ? page.locator("#verdict") : refused).innerText());
  }
} finally {
  await browser.close();
  server.kill();
  await once(server, "exit");
}

function print(text) {
  const found = VERDICT.exec(text.trim());
  if (found === null) {
    console.log(JSON.stringify({ passed: false, wrong: text.trim() }));
    return;
  }
  const [, rows, difference, tolerance, microseconds, runtime, provider] = found;
  console.log(
    JSON.stringify({
      rows: Number(rows), largest_difference: Number(difference), tolerance: Number(tolerance), runtime, provider,
      microseconds: Number(microseconds.replaceAll(",", "")), passed: true,
    }),
  );
}
