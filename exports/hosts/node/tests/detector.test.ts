import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync, cpSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";

import { parseCard } from "../src/core/card.ts";
import { type Comparison, passed, replay, type Scores } from "../src/core/golden.ts";
import { readModelFile } from "../src/core/model.ts";
import { Detector, Problem } from "../src/detector.ts";
import { reason } from "../src/providers.ts";
import { scoreTable } from "../src/scoretable.ts";
import { rewriteInitializer, rewriteModel } from "./forgery.ts";

const MODEL = "model/detector.onnx";
const { features } = JSON.parse(readFileSync("model/detector.card.json", "utf8")) as { features: unknown[] };
const INPUTS = features.length;
let folder: string;

before(() => (folder = mkdtempSync(join(tmpdir(), "detector-"))));
after(() => rmSync(folder, { recursive: true }));

function floats(change: (values: Float32Array) => void): (data: Uint8Array) => Uint8Array {
  return (data) => {
    const values = new Float32Array(Uint8Array.from(data).buffer);
    change(values);
    return new Uint8Array(values.buffer);
  };
}

/** Exchanges the first two inputs of a matrix [inputs, outputs]. */
function swap(values: Float32Array): void {
  const width = values.length / INPUTS;
  const first = values.slice(0, width);
  values.copyWithin(0, width, 2 * width);
  values.set(first, width);
}

const FORGERIES: [string, string, (values: Float32Array) => void][] = [
  ["a changed weight", "networks.0.0.weight", (values) => (values[0]! += 0.05)],
  ["a moved threshold", "threshold", (values) => (values[0]! -= 2e-4)],
  ["swapped columns", "scale.weight", swap],
];

async function forged(name: string, change: (values: Float32Array) => void, signed: boolean): Promise<string> {
  const path = join(folder, `${name.replaceAll(".", "-")}-${signed}.onnx`);
  writeFileSync(path, rewriteModel(readFileSync(MODEL), rewriteInitializer(name, floats(change)), signed));
  return path;
}

test("the golden rows hold on this machine", async () => {
  const report = await (await Detector.open(MODEL)).selftest();
  assert.equal(report.passed, true);
  assert.ok(report.rows >= 20);
  assert.ok(report.largestDifference <= report.tolerance);
  assert.ok(report.microseconds > 0);
});

/** A runtime whose answers to calls of `wrong` rows are those of the first call of as many. */
async function stale(wrong: (rows: number) => boolean): Promise<Comparison> {
  const detector = await Detector.open(MODEL);
  let first: Float32Array | null = null;
  return replay(detector.card, (rows) => {
    if (wrong(rows.length / INPUTS)) rows = first ??= rows;
    return detector.score(rows);
  });
}

test("a runtime that keeps the first of single rows fails, though it judges them all together rightly", async () => {
  assert.equal(passed(await stale(() => false)), true);
  const found = await stale((rows) => rows === 1);
  assert.equal(passed(found), false);
  assert.ok(found.flippedDecisions > 0 && found.flippedValidity > 0);
});

test("a runtime that errs on many rows at once fails, though it judges single ones rightly", async () => {
  const detector = await Detector.open(MODEL);
  const turned = (scores: Scores): Scores => ({ ...scores, similarity: Float32Array.from(scores.similarity).reverse() });
  const found = await replay(detector.card, async (rows) => {
    const scores = await detector.score(rows);
    return rows.length > INPUTS ? turned(scores) : scores;
  });
  assert.equal(passed(found), false);
});

test("a runtime that errs only on as many rows as a table's batch has fails", async () => {
  const detector = await Detector.open(MODEL);
  const flipped = (scores: Scores): Scores => ({ ...scores, isAnomaly: scores.isAnomaly.map((flag, i) => (i === 999 ? 1 - flag : flag)) });
  const found = await replay(detector.card, async (rows) => {
    const scores = await detector.score(rows);
    return rows.length >= 1000 * INPUTS ? flipped(scores) : scores;
  });
  assert.equal(passed(found), false);
  assert.equal(found.brokenRule, 1);
});

test("a provider is found by either of its names, and another is refused", async () => {
  for (const name of ["cpu", "CPU", "CPUExecutionProvider"]) {
    assert.equal((await Detector.open(MODEL, { provider: name })).provider, "cpu");
  }
  await assert.rejects(Detector.open(MODEL, { provider: "vpu" }), {
    exitCode: 2, message: "No provider is called 'vpu'.", hint: "Known: cpu, cuda, coreml, dml, webgpu.",
  });
});

test("what ONNX Runtime says is told without the places in its source code", () => {
  const said = {
    "/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 void A::B(const C&)::<lambda()> a == b was false. No adapter.\n\n": "No adapter.",
    "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1209 P& L::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library x.so\n": "Failed to load library x.so",
    "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library": "Failed to load shared library",
    "plain words": "plain words",
  };
  for (const [message, words] of Object.entries(said)) assert.equal(reason(new Error(message)), words);
});

test("a card is bounded in its depth, and a model in its size, its graphs and its numbers", () => {
  const deep = (depth: number): Uint8Array => new TextEncoder().encode(`{"contract": 3, "deep": ${"[".repeat(depth)}${"]".repeat(depth)}}`);
  assert.throws(() => parseCard("m", deep(200)), { message: "m: its card is of contract version 3, expected 1 or 2." });
  const damaged = { message: "m: its card is damaged or incomplete; expected the JSON that `aetk export` wrote." };
  assert.throws(() => parseCard("m", deep(201)), damaged);
  assert.throws(() => parseCard("m", deep(100_000)), damaged);
  const model = readFileSync(MODEL);
  const unreadable = { exitCode: 2, message: "m: not a readable ONNX file." };
  const endings = [[0x3a, 0], [0x3a, 0, 0x3a, 0], [0x08], [0x08, 0xff], [0x12, 5, 1], [0x0b], [...Array(9).fill(0xff), 2], Array(11).fill(0x80)];
  for (const ending of endings) {
    assert.throws(() => readModelFile("m", Buffer.concat([model, Uint8Array.from(ending)]), null), unreadable);
  }
  assert.throws(() => readModelFile("m", new Uint8Array(2 ** 28 + 1), null), {
    exitCode: 2,
    message: "m is larger than 256 MiB; expected a model of the aetk contract.",
  });
});

for (const [what, name, change] of FORGERIES) {
  test(`${what} is refused by the digest`, async () => {
    await assert.rejects(Detector.open(await forged(name, change, false)), { exitCode: 1, message: /SHA-256/ });
  });

  test(`${what} that was signed again is betrayed by the golden rows`, async () => {
    const report = await (await Detector.open(await forged(name, change, true))).selftest();
    assert.equal(report.passed, false);
  });
}

test("a stale copy of the card is refused", async () => {
  const path = join(folder, "stale.onnx");
  writeFileSync(path, readFileSync(MODEL));
  writeFileSync(join(folder, "stale.card.json"), "{}");
  await assert.rejects(Detector.open(path), { exitCode: 1, message: /not the card that is inside stale\.onnx/ });
});

test("a file that is not a model gets one message", async () => {
  const path = join(folder, "picture.onnx");
  writeFileSync(path, "no model");
  await assert.rejects(Detector.open(path), { exitCode: 2, message: `${path}: not a readable ONNX file.` });
  await assert.rejects(Detector.open(join(folder, "absent.onnx")), { exitCode: 2, message: /No such model/ });
});

test("a row is made from values by name, and a missing one is not judged", async () => {
  const detector = await Detector.open(MODEL);
  const values = Object.fromEntries(detector.features.map((name) => [name, 0]));
  const scores = await detector.score(detector.row({ ...values, [detector.features[0]!]: null, other: 7 }));
  assert.deepEqual([...scores.isValid, ...scores.isAnomaly, ...scores.similarity], [0, 1, -1]);
  assert.throws(() => detector.row({}), Problem);
});

test("rows of another width are refused", async () => {
  const detector = await Detector.open(MODEL);
  await assert.rejects(detector.score(new Float32Array(detector.features.length + 1)), Problem);
});

test("missing and infinite cells are flagged and not valid, and row numbers count from one", async () => {
  const detector = await Detector.open(MODEL);
  const [data, out] = [join(folder, "t.csv"), join(folder, "t.scores.csv")];
  const row = (cell: string): string => [cell, ...detector.features.slice(1).map(() => "0")].join(",");
  const header = detector.features.map((name) => `"${name.replaceAll('"', '""')}"`).join(",");
  writeFileSync(data, [header, ...["0", "", "NaN", "inf", "-1e39"].map(row)].join("\n"));
  assert.deepEqual(await scoreTable(detector, data, out, null), { rows: 5, anomalies: 5 - (await ordinary(detector)), invalid: 4 });
  const lines = readFileSync(out, "utf8").trimEnd().split("\n");
  assert.match(lines[0]!, /^row,similarity,is_anomaly,is_valid/);
  for (const line of lines.slice(2)) assert.match(line, /^\d,-1,1,0/);
});

async function ordinary(detector: Detector): Promise<number> {
  const { isAnomaly } = await detector.score(new Float32Array(detector.features.length));
  return 1 - isAnomaly[0]!;
}

test("a table at fault leaves no output", async () => {
  const detector = await Detector.open(MODEL);
  const [data, out] = [join(folder, "broken.csv"), join(folder, "broken.scores.csv")];
  writeFileSync(data, `${detector.features.join(",")}\n${detector.features.map(() => "1_000").join(",")}\n`);
  await assert.rejects(scoreTable(detector, data, out, null), { exitCode: 2, message: /line 2, column .*'1_000'/ });
  assert.throws(() => readFileSync(out));
});

test("what the operating system refuses is told of the file that was named", async () => {
  const detector = await Detector.open(MODEL);
  const [data, out] = [join(folder, "plain.csv"), join(folder, "absent", "o.csv")];
  writeFileSync(data, `${detector.features.join(",")}\n${detector.features.map(() => "1").join(",")}\n`);
  await assert.rejects(scoreTable(detector, data, out, null), { exitCode: 2, message: `Cannot use ${out}: No such file or directory.` });
  mkdirSync(join(folder, "taken"));
  await assert.rejects(scoreTable(detector, data, join(folder, "taken"), null), { message: /taken is a folder; expected a file name\.$/ });
  await assert.rejects(scoreTable(detector, join(data, "x"), join(folder, "o.csv"), null), { message: /x: Not a directory\.$/ });
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith(".")), []);
});

/** The program as it is built, in a folder whose node_modules hold what is named only. */
function program(name: string, modules: string[]): string {
  const app = join(folder, name);
  cpSync("build/src", join(app, "dist"), { recursive: true });
  cpSync("package.json", join(app, "package.json"));
  for (const module of modules) {
    mkdirSync(join(app, "node_modules", module, ".."), { recursive: true });
    symlinkSync(resolve("node_modules", module), join(app, "node_modules", module));
  }
  return join(app, "dist", "main.js");
}

test("a worker thread, whose environment is a copy, is refused unless telemetry was decided on before it started", async () => {
  const { ORT_DISABLE_TELEMETRY: _, ...undecided } = process.env;
  const script = `import("./build/src/detector.js").then(({ Detector }) => Detector.open("${MODEL}"))`;
  const open = async (env: NodeJS.ProcessEnv): Promise<number> => {
    const said = `.then(() => 0, (problem) => problem.exitCode).then((code) => process.exit(code))`;
    return (await once(new Worker(script + said, { eval: true, env }), "exit"))[0] as number;
  };
  assert.equal(await open(undecided), 3);
  assert.equal(await open({ ...undecided, ORT_DISABLE_TELEMETRY: "1" }), 0);
});

test("a runtime that is not installed is told in words", () => {
  const main = program("bare", ["@noble/hashes"]);
  const { status, stderr } = spawnSync(process.execPath, [main, "selftest", "--model", MODEL], { encoding: "utf8" });
  assert.equal(status, 3);
  assert.match(stderr, /^detector: onnxruntime-node cannot be loaded: [^\n]*\n  Install it with: npm install\n$/);
});

test("wrong usage is one line and where to look", () => {
  const main = program("usage", ["@noble/hashes"]);
  for (const wrong of [[], ["judge"], ["score"], ["score", "a.csv", "b.csv"], ["selftest", "--fast"], ["score", "a.csv", "--out"]]) {
    const { status, stderr } = spawnSync(process.execPath, [main, ...wrong], { encoding: "utf8" });
    assert.equal(status, 2);
    assert.match(stderr, /^detector: [^\n]+\.\n  Try: detector --help\n$/);
  }
});

for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  test(`${signal} while a table is scored leaves no output`, async () => {
    const main = program(signal, ["@noble/hashes", "onnxruntime-node", "onnxruntime-common"]);
    const { features } = await Detector.open(MODEL);
    const work = mkdtempSync(join(folder, "work-"));
    const row = `${features.map(() => "1").join(",")}\n`;
    spawnSync("mkfifo", [join(work, "t.csv")]);
    const table = openSync(join(work, "t.csv"), "r+"); // of which no end comes
    writeSync(table, `${features.join(",")}\n${row.repeat(100)}`);
    const child = spawn(process.execPath, [main, "score", "t.csv", "--model", resolve(MODEL)], { cwd: work });
    const ended = new Promise((done) => child.on("exit", done));
    while (readdirSync(work).length === 1 && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
    child.kill(signal);
    assert.equal(await ended, exitCode);
    closeSync(table);
    assert.deepEqual(readdirSync(work), ["t.csv"]);
  });
}
