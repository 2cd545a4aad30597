// Judges the same rows in the built page on WebAssembly and on WebGPU and prints a line of JSON for each model:
//   node tests/providers.mjs [--rows 20000] MODEL.onnx ...
// Half of the rows are random ones about the medians in the model's card, NAME.card.json beside it, half are golden rows with
// every value changed by up to 2%, of which some are flagged and some are not. To them come 40 odd rows: missing, infinite,
// tiny and huge values, in one cell and in all. Seconds are those of a whole table, from the choice of the file to
// the result. Needs Chromium, as the tests do; without a graphics device, it computes WebGPU in software.
import { readFile, rm, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openModel, openPage, parseVerdict, withBrowser } from "./browser.mjs";

const ODD = [
  "", "NaN", "inf", "-inf", "1e39", "-1e39", "3.4e38", "-3.4e38", "1e38", "1e30", "-1e30", "1e20", "1e10", "-1e10", "1e-45",
  "1e-38", "-1e-30", "0", "-0", "1",
];
const PROVIDERS = ["wasm", "webgpu"];

const { values, positionals: models } = parseArgs({
  options: { rows: { type: "string", default: "20000" } },
  allowPositionals: true,
});
const folder = await mkdtemp(join(tmpdir(), "providers-"));
try {
  await withBrowser(async (browser, address) => {
    const pages = {};
    for (const provider of PROVIDERS) pages[provider] = await openPage(browser, address, provider);
    for (const [i, model] of models.entries()) console.log(JSON.stringify(await compare(pages, `${i}`, model)));
  });
} finally {
  await rm(folder, { recursive: true });
}

async function compare(pages, name, model) {
  const card = JSON.parse(await readFile(model.replace(/\.onnx$/, ".card.json"), "utf-8"));
  const table = join(folder, `${name}.csv`);
  await writeFile(table, csv(card, Number(values.rows)));
  const found = {};
  for (const provider of PROVIDERS) {
    const verdict = parseVerdict(await openModel(pages[provider], `${name}.onnx`, model));
    if (verdict.provider !== provider) return { model, wrong: verdict.wrong ?? (await pages[provider].locator("#verdict").innerText()) };
    found[provider] = { ...verdict, ...(await judge(pages[provider], table, `${name}.csv`)) };
    const { provider: after } = parseVerdict(await pages[provider].locator("#verdict").innerText());
    if (after !== provider) return { model, wrong: await pages[provider].locator("#verdict").innerText() };
  }
  const [wasm, webgpu] = PROVIDERS.map((provider) => found[provider].cells);
  const differ = (column) => wasm.filter((cells, row) => cells[column] !== webgpu[row]?.[column]).length;
  const largest = (columns) =>
    wasm.reduce((worst, cells, row) => columns.reduce((far, at) => Math.max(far, Math.abs(cells[at] - webgpu[row][at])), worst), 0);
  const contributions = [...wasm[0].keys()].slice(4);
  return {
    model,
    rows: wasm.length,
    golden_rows: found.webgpu.rows,
    invalid: wasm.filter((cells) => cells[3] === 0).length,
    flagged: wasm.filter((cells) => cells[2] === 1).length,
    flipped_decisions: wasm.length === webgpu.length ? differ(2) : null,
    flipped_validity: wasm.length === webgpu.length ? differ(3) : null,
    largest_difference: largest([1]),
    largest_contribution_difference: contributions.length > 0 ? largest(contributions) : null,
    runtime: found.webgpu.runtime,
    device: found.webgpu.device,
    microseconds_one_row: Object.fromEntries(PROVIDERS.map((provider) => [provider, found[provider].microseconds])),
    seconds_table: Object.fromEntries(PROVIDERS.map((provider) => [provider, found[provider].seconds])),
  };
}

/** Judge a table; its scored cells as numbers, without the header, and the seconds until the result was shown. */
async function judge(page, table, name) {
  const start = performance.now();
  await page.locator("#table-file").setInputFiles(table);
  await page.locator("#result-heading").filter({ hasText: name }).waitFor();
  const seconds = (performance.now() - start) / 1000;
  const [started] = await Promise.all([page.waitForEvent("download"), page.locator("#download").click()]);
  const lines = (await readFile(await started.path(), "utf-8")).trimEnd().split("\n").slice(1);
  return { seconds, cells: lines.map((line) => line.split(",").map(Number)) };
}

function csv({ features, golden }, count) {
  const next = random(16);
  const quoted = features.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
  const row = (spread) =>
    features.map(({ quantiles }) => {
      const [low, median, high] = quantiles.slice(2, 5);
      return Number((median + spread * (high - low) * (next() - 0.5)).toPrecision(7));
    });
  const inputs = Buffer.from(golden.inputs, "base64");
  const changed = (index) =>
    features.map((_, at) => inputs.readFloatLE(4 * (index * features.length + at)) * (0.98 + 0.04 * next()));
  const rows = Array.from({ length: count }, (_, i) =>
    i % 2 === 0 ? row(0.8 * next() + (i % 10 === 8 ? 3 : 0)) : changed(Math.floor(golden.rows * next())),
  );
  const odd = ODD.flatMap((value) => [row(0.5).with(0, value), features.map(() => value)]);
  // a row of one empty cell would be a blank line, which is no row
  const line = (cells) => (cells.length === 1 && cells[0] === "" ? '""' : cells.join(","));
  return [quoted.join(","), ...[...rows, ...odd].map(line)].join("\n") + "\n";
}

/** Numbers between 0 and 1, the same in each run. */
function random(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}
