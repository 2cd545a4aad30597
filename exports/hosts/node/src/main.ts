#!/usr/bin/env node
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { Detector, Problem, PROVIDER, RUNTIME } from "./detector.ts";
import { scoreTable } from "./scoretable.ts";

const USAGE = `usage: detector selftest [--model FILE] [--json]
       detector score TABLE.csv [--model FILE] [--out FILE] [--id COL]

selftest  prove that this machine decides as it should
score     score a CSV file into another (default: NAME.scores.csv here); --id carries a column along
          in place of a row number`;
const MODEL = join(dirname(fileURLToPath(import.meta.url)), "..", "model", "detector.onnx");
const OPTIONS = {
  model: { type: "string", default: MODEL },
  json: { type: "boolean", default: false },
  out: { type: "string" },
  id: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;
const WRITING_FAILED = ["ENOSPC", "EDQUOT", "EIO"];

async function main(): Promise<number> {
  const { values, positionals } = parse();
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [command, table, ...more] = positionals;
  if (command === "selftest" && table === undefined) return selftest(values.model, values.json);
  if (command === "score" && table !== undefined && more.length === 0) {
    return score(values.model, table, values.out, values.id ?? null);
  }
  throw new Problem(USAGE);
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new Problem((error as Error).message.split(".")[0]!, "Try: detector --help");
  }
}

async function selftest(model: string, asJson: boolean): Promise<number> {
  const found = await (await Detector.open(model)).selftest();
  if (asJson) {
    const { largestDifference: difference } = found;
    const report = {
      rows: found.rows,
      near_ties: found.nearTies,
      flipped_decisions: found.flippedDecisions,
      flipped_validity: found.flippedValidity,
      broken_rule: found.brokenRule,
      largest_difference: Number.isFinite(difference) ? difference : null,
      tolerance: found.tolerance,
      runtime: RUNTIME,
      provider: PROVIDER,
      microseconds: found.microseconds,
      passed: found.passed,
    };
    console.log(JSON.stringify(report));
  } else {
    console.log(
      `${found.passed ? "passed" : "FAILED"}: ${found.rows} golden rows, ${found.flippedDecisions} decisions and ` +
        `${found.flippedValidity} validities flipped, ${found.brokenRule} break the rule; largest difference ` +
        `${found.largestDifference.toPrecision(2)} (tolerance ${found.tolerance}), ${found.nearTies} near ties`,
    );
    console.log(`${RUNTIME}, ${PROVIDER}; one decision takes ${found.microseconds.toFixed(1)} µs`);
  }
  return found.passed ? 0 : 1;
}

async function score(model: string, table: string, out: string | undefined, key: string | null): Promise<number> {
  const detector = await Detector.open(model);
  const target = out ?? `${basename(table, extname(table))}.scores.csv`;
  const { rows, anomalies, invalid } = await scoreTable(detector, table, target, key);
  const threshold = Number(detector.threshold.toPrecision(6));
  console.log(`${rows} rows: ${anomalies} flagged at threshold ${threshold}, of them ${invalid} not judged`);
  console.log(`wrote: ${target}`);
  return 0;
}

/** Says what went wrong, in a line or two, and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof Problem) {
    console.error(`detector: ${error.message}${error.hint && `\n  ${error.hint}`}`);
    return error.exitCode;
  }
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  console.error(`detector: Cannot use ${path ?? "a file"}: ${message}.`);
  return WRITING_FAILED.includes(code) ? 3 : 2;
}

process.exitCode = await main().catch(report);
