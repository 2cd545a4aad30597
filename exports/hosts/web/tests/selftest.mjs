// Replays golden rows in the built page and prints a line of JSON for each model:
//   node tests/selftest.mjs [--provider webgpu] [MODEL.onnx ...]
// Without a model, the page's own. Needs Chromium, as the tests do.
import { parseArgs } from "node:util";
import { openModel, openPage, parseVerdict, withBrowser } from "./browser.mjs";

const { values, positionals: models } = parseArgs({
  options: { provider: { type: "string", default: "wasm" } },
  allowPositionals: true,
});

await withBrowser(async (browser, address) => {
  const page = await openPage(browser, address, values.provider);
  if (models.length === 0) print(await page.locator("#verdict").innerText());
  for (const [i, model] of models.entries()) print(await openModel(page, `${i}.onnx`, model));
});

function print(text) {
  const verdict = parseVerdict(text);
  const isWanted = !verdict.passed || verdict.provider === values.provider;
  console.log(JSON.stringify(isWanted ? verdict : { passed: false, wrong: text.trim().split("\n").at(-1) }));
}
