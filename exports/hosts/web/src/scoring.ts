import { Problem, TableReader } from "./contract.ts";
import type { Detector } from "./detector.ts";
import type { Progress } from "./messages.ts";
import { Scored } from "./scored.ts";

// small enough that a piece of a table is read and scored between two looks at the inbox
const PIECE = 256 * 1024;
const REPORT_EVERY = 100;

/** Scoring was stopped by the person. */
export class Cancelled extends Error {}

/**
 * Read a table in the format of the model's card and judge its rows, batch by batch.
 *
 * @param key a column to carry along; left out where the table has no such column
 * @throws Problem for a table that cannot be read, Cancelled when `signal` is aborted
 */
export async function scoreTable(
  detector: Detector,
  file: File,
  key: string | null,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<{ scored: Scored; columns: readonly string[]; key: string | null }> {
  const features = detector.card.features.map((feature) => feature.name);
  const columns = await header(file, detector);
  const carried = key !== null && columns.includes(key) ? key : null;
  const reader = new TableReader(file.name, detector.encodings, carried, detector.table);
  const scored = new Scored(features, carried, categories(detector));
  let reported = performance.now();
  for (let at = 0; at <= file.size; at += PIECE) {
    const isLast = at + PIECE > file.size;
    const batches = reader.push(await bytes(file, at));
    for (const { values, keys } of isLast ? [...batches, ...reader.end()] : batches) {
      scored.add(await detector.score(values), keys, values);
      await inbox();
      if (signal.aborted) throw new Cancelled();
    }
    if (performance.now() - reported > REPORT_EVERY) {
      onProgress({ rows: scored.rows, share: Math.min(1, (at + PIECE) / file.size) });
      reported = performance.now();
    }
    await inbox();
    if (signal.aborted) throw new Cancelled();
  }
  if (scored.rows === 0) throw new Problem(`${file.name} has a header and no rows.`, "Name a table with rows.");
  return { scored, columns, key: carried };
}

/** The names in the header, as far as there is one: its faults are for the TableReader to find. */
async function header(file: File, { table }: Detector): Promise<readonly string[]> {
  const reader = new TableReader(file.name, [], null, table);
  try {
    for (let at = 0; at < file.size && reader.columns.length === 0; at += PIECE) reader.push(await bytes(file, at));
    if (reader.columns.length === 0) reader.end();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
  return reader.columns.filter((name) => name !== "");
}

/** The levels of the features that are categories, by their positions. */
function categories({ encodings }: Detector): Map<number, readonly string[]> {
  return new Map(encodings.flatMap(({ levels }, i) => (levels.length > 0 ? [[i, levels] as const] : [])));
}

async function bytes(file: File, at: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
  } catch {
    throw new Problem(`Cannot read ${file.name}; it was changed or taken away.`, "Choose it again.");
  }
}

/** Let messages in, such as a wish to cancel. */
function inbox(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
