import { passed, Problem, readModelFile } from "./contract.ts";
import { Detector } from "./detector.ts";
import type { Answered, Asked, Calls, Fault, Judged, Model } from "./messages.ts";
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
async function open({ path, bytes, copy }: Calls["open"]["asked"]): Promise<Model> {
  const candidate = await Detector.start(readModelFile(path, bytes, copy));
  const verdict = await candidate.selftest();
  if (!passed(verdict)) {
    await candidate.release();
    throw new Problem(
      `${path}: self-test FAILED: ${verdict.rows} golden rows, ${verdict.flippedDecisions} decisions and ` +
        `${verdict.flippedValidity} validities flipped, ${verdict.brokenRule} break the rule; largest difference ` +
        `${verdict.largestDifference.toPrecision(2)} (tolerance ${verdict.tolerance}).`,
      "Do not use it; take the file from where it was exported.",
      1,
    );
  }
  await detector?.release();
  detector = candidate;
  model = { path, card: candidate.card, explains: candidate.explains, verdict };
  return model;
}

async function score({ file, key }: Calls["score"]["asked"], signal: AbortSignal): Promise<Judged> {
  if (detector === null || model === null) throw new Problem("There is no model yet.");
  if (signal.aborted) throw new Cancelled();
  const done = await scoreTable(detector, file, key, signal, (progress) => reply({ progress }));
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
