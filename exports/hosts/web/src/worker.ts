import { passed, Problem, readModelFile, type ModelFile } from "./contract.ts";
import { Detector, Stopped } from "./detector.ts";
import type { Answered, Asked, Calls, Fault, Judged, Model, Verdict } from "./messages.ts";
import { DEFAULT } from "./runtime.ts";
import { Cancelled, scoreTable } from "./scoring.ts";
import type { Scored } from "./scored.ts";

let detector: Detector | null = null;
let model: Model | null = null;
let scored: Scored | null = null;
let scoring = new AbortController();
// a model is not exchanged while it judges a table, nor are two tables judged at once
let turn: Promise<unknown> = Promise.resolve();

const calls: { [K in keyof Calls]: (asked: Calls[K]["asked"]) => Promise<Calls[K]["answer"]> } = {
  open: (asked) => inTurn(() => open(asked)),
  score: (asked) => {
    const { signal } = scoring;
    return inTurn(() => score(asked, signal));
  },
  rows: async (indexes) => scored?.rowsAt(indexes) ?? [],
  download: async (threshold) => scored?.csv(threshold) ?? new Blob(),
};

self.onmessage = async ({ data }: MessageEvent<Asked>) => {
  if (data === "cancel") {
    scoring.abort();
    scoring = new AbortController();
    return;
  }
  const { id, call, asked } = data;
  try {
    reply({ id, answer: await (calls[call] as (asked: unknown) => Promise<Calls[keyof Calls]["answer"]>)(asked) });
  } catch (error) {
    reply({ id, fault: fault(error) });
  }
};

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = turn.then(work);
  turn = done.catch(() => undefined);
  return done;
}

/** Take a model that passes its self-test; else the one before stays. */
async function open({ path, bytes, copy, provider }: Calls["open"]["asked"]): Promise<Model> {
  const file = readModelFile(path, bytes, copy);
  if (provider === DEFAULT) return take(file, provider, null);
  try {
    return await take(file, provider, null);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return take(file, DEFAULT, { of: provider, why: error.message });
  }
}

/** Take a model that passes its self-test on this provider. */
async function take(file: ModelFile, provider: string, instead: Model["instead"]): Promise<Model> {
  const candidate = await Detector.start(file, provider);
  let verdict: Verdict;
  try {
    verdict = await proven(candidate);
  } catch (error) {
    await candidate.release();
    throw error;
  }
  await detector?.release();
  detector = candidate;
  model = { path: file.path, card: candidate.card, explains: candidate.explains, verdict, instead };
  return model;
}

async function proven(candidate: Detector): Promise<Verdict> {
  const verdict = await candidate.selftest();
  if (!passed(verdict)) {
    throw new Problem(
      `${candidate.file.path}: self-test FAILED: ${verdict.rows} golden rows, ${verdict.flippedDecisions} decisions and ` +
        `${verdict.flippedValidity} validities flipped, ${verdict.brokenRule} break the rule; largest difference ` +
        `${verdict.largestDifference.toPrecision(2)} (tolerance ${verdict.tolerance}).`,
      "Do not use it; take the file from where it was exported.",
      1,
    );
  }
  return verdict;
}

async function score({ file, key }: Calls["score"]["asked"], signal: AbortSignal): Promise<Judged> {
  if (detector === null || model === null) throw new Problem("There is no model yet.");
  if (signal.aborted) throw new Cancelled();
  const work = (by: Detector) => scoreTable(by, file, key, signal, (progress) => reply({ progress }));
  const { provider } = model.verdict;
  const done = await work(detector).catch(async (error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
    // from the beginning: all rows of a table are judged by one provider
    model = await take(detector!.file, DEFAULT, { of: provider, why: error.message });
    return work(detector!);
  });
  scored = done.scored;
  return {
    table: file.name,
    model,
    columns: done.columns,
    key: done.key,
    rows: scored.rows,
    ...scored.ranked(),
  };
}

function fault(error: unknown): Fault {
  if (error instanceof Problem) return { message: error.message, hint: error.hint, cancelled: false };
  if (error instanceof Cancelled) return { message: "Cancelled.", hint: "", cancelled: true };
  // not enough memory, most likely: browsers name it in many ways
  return { message: `This browser cannot do it: ${String(error)}`, hint: "Try a smaller table.", cancelled: false };
}

function reply(answered: Answered): void {
  self.postMessage(answered);
}
