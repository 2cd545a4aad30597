#!/usr/bin/env node
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { printable } from "./core/cells.ts";
import { Detector, type Options, Problem } from "./detector.ts";
import { general } from "./general.ts";
import { stem, tidied } from "./paths.ts";
import { CPU, PROVIDERS } from "./providers.ts";
import { scoreTable } from "./scoretable.ts";
import { ownDescriptor, ReaderLeft, STANDARD, titled } from "./streams.ts";

const USAGE = `usage: detector selftest [--model FILE] [--provider NAME] [--trusted-key FILE] [--json]
       detector score TABLE.csv [--model FILE] [--provider NAME] [--trusted-key FILE] [--out FILE] [--id COL]

selftest  prove that this machine decides as it should
score     score a CSV file into another (default: NAME.scores.csv here); --id carries a column along
          in place of a row number; - is standard input and standard output

--provider NAME     run every node of the model on this execution provider (${Object.keys(PROVIDERS).join(", ")};
                    default: cpu) or fail; nothing is left to another. score replays the golden rows on it first
--trusted-key FILE  refuse a model that is not signed by this public Ed25519 key (PEM)`;
const MODEL = join(dirname(fileURLToPath(import.meta.url)), "..", "model", "detector.onnx");
const OPTIONS = {
  model: { type: "string", default: MODEL },
  provider: { type: "string", default: CPU },
  "trusted-key": { type: "string" },
  json: { type: "boolean", default: false },
  out: { type: "string" },
  id: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

async function main(): Promise<number> {
  const { values, positionals } = parse();
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [command, table, ...more] = positionals;
  const options: Options = { provider: values.provider };
  if (values["trusted-key"] !== undefined) options.trustedKey = values["trusted-key"];
  const opened = () => Detector.open(tidied(values.model), options);
  if (command === "selftest" && table === undefined) return selftest(await opened(), values.json);
  if (command === "score" && table !== undefined && more.length === 0) {
    const data = given(table);
    const out = given(values.out ?? (data === STANDARD ? STANDARD : `${stem(data)}.scores.csv`));
    return score(await opened(), data, out, values.id ?? null);
  }
  throw new Problem(`Expected 'selftest' or 'score TABLE.csv', found '${positionals.join(" ")}'.`, "Try: detector --help");
}

/** A path, of which `-` is a stream and `./-` a file. */
function given(path: string): string {
  return path !== STANDARD && tidied(path) === STANDARD ? resolve(path) : tidied(path);
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new Problem(`${(error as Error).message.split(/[.\n]/)[0]!}.`, "Try: detector --help");
  }
}

async function selftest(detector: Detector, asJson: boolean): Promise<number> {
  const found = await detector.selftest();
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
      runtime: detector.runtime,
      provider: PROVIDERS[detector.provider],
      microseconds: found.microseconds,
      passed: found.passed,
    };
    console.log(JSON.stringify(report));
  } else {
    console.log(
      `${found.passed ? "passed" : "FAILED"}: ${found.rows} golden rows, ${found.flippedDecisions} decisions and ` +
        `${found.flippedValidity} validities flipped, ${found.brokenRule} break the rule; largest difference ` +
        `${general(found.largestDifference, 2)} (tolerance ${general(found.tolerance, 6)}), ${found.nearTies} near ties`,
    );
    console.log(`${detector.runtime}, ${PROVIDERS[detector.provider]}; one decision takes ${found.microseconds.toFixed(1)} µs`);
  }
  return found.passed ? 0 : 1;
}

async function score(detector: Detector, table: string, out: string, key: string | null): Promise<number> {
  if (detector.provider !== CPU) await detector.prove();
  const { rows, anomalies, invalid } = await scoreTable(detector, table, out, key);
  const threshold = general(detector.threshold, 6);
  const say = ownDescriptor(out) === 1 ? console.error : console.log;
  say(`${rows} rows: ${anomalies} flagged at threshold ${threshold}, of them ${invalid} not judged`);
  say(`wrote: ${titled(out, "output")}`);
  return 0;
}

/** Says what went wrong, in a line or two, and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof ReaderLeft) return 0;
  if (error instanceof RangeError) return report(new Problem("Out of memory.", "", 3));
  if (!(error instanceof Problem)) throw error;
  console.error(printable(`detector: ${error.message}${error.hint && `\n  ${error.hint}`}`));
  return error.exitCode;
}

process.exitCode = await main().catch(report);
