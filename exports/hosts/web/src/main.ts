import { Client, Refusal } from "./client.ts";
import { brief, byId, element } from "./dom.ts";
import type { Model } from "./messages.ts";
import { embedded, chosen, type Files } from "./models.ts";
import { counted } from "./numbers.ts";
import { showCard } from "./parts/card.ts";
import { showFormat } from "./parts/format.ts";
import { tell } from "./parts/problem.ts";
import { ProgressBar } from "./parts/progress.ts";
import { Result } from "./parts/result.ts";
import * as verdict from "./parts/verdict.ts";

/** Of a table's columns, those that are offered to name its rows by: nobody looks through more. */
const MOST_KEYS = 1000;

const progress = new ProgressBar();
const client = new Client(({ rows, share }) => progress.update(rows, share));
const result = new Result(client);
const tableInput = byId("table-file", HTMLInputElement);
const modelInput = byId("model-file", HTMLInputElement);
const keyInput = byId("key", HTMLSelectElement);
const providerInput = byId("provider", HTMLSelectElement);

let opening: Promise<void> = Promise.resolve();
let model: Model | null = null;
/** The files of that model. */
let opened: Files | null = null;
/** The provider that was asked for, by the page's address at first. */
let provider = new URL(location.href).searchParams.get("provider") ?? providerInput.value;
let table: File | null = null;
let runs = 0;

/** Open models in the order in which they were asked for, however long their files take to come. */
function open(files: () => Promise<Files>): void {
  opening = opening.then(() => admit(files));
}

/** Take a model if it passes; one that was there before stays if it does not. */
async function admit(files: () => Promise<Files>): Promise<void> {
  tell("model-problem", null);
  providerInput.disabled = true;
  try {
    const found = await files();
    model = await client.call("open", { ...found, provider });
    opened = found;
  } catch (error) {
    if (model === null) verdict.failed(error);
    else tell("model-problem", error);
    return;
  } finally {
    providerInput.disabled = false;
  }
  showVerdict(model);
  showCard(model);
  showFormat(model.card);
  tableInput.disabled = false;
  if (table !== null) void score(table); // the next model need not wait for it
}

function showVerdict(passed: Model): void {
  verdict.passed(passed);
  providerInput.value = passed.verdict.provider;
}

/** Judge a table; what was shown before stays until this one is complete. */
async function score(file: File): Promise<void> {
  if (model === null) {
    table = file; // for when there is one
    return;
  }
  const run = ++runs;
  client.cancel();
  tell("problem", null);
  progress.start(file.name);
  try {
    const judged = await client.call("score", { file, key: keyInput.value || null });
    table = file;
    if (judged.model.verdict.provider !== model.verdict.provider) showVerdict((model = judged.model)); // it stopped
    result.show(judged);
    offerKeys(judged.columns, judged.key);
    if (run === runs) progress.end(`${file.name} is judged: ${counted(judged.rows, "row")}.`);
  } catch (error) {
    if (run !== runs) return; // another table has taken its place
    const cancelled = error instanceof Refusal && error.cancelled;
    progress.end(cancelled ? "Cancelled." : "");
    if (!cancelled) tell("problem", error);
  }
}

function offerKeys(columns: readonly string[], key: string | null): void {
  const offered = columns.filter((name, i) => i < MOST_KEYS || name === key);
  keyInput.replaceChildren(
    element("option", { value: "" }, "its row number"),
    ...offered.map((name) => element("option", { value: name, disabled: isWritten(name) }, brief(name))),
  );
  keyInput.value = key ?? "";
  keyInput.disabled = false;
}

/** Whether the scored CSV has a column of this name anyway. */
const isWritten = (name: string): boolean => /^(similarity|is_anomaly|is_valid|contribution:.*)$/s.test(name);

function take(files: File[]): void {
  const [first] = files;
  if (files.some(isModel)) open(() => chosen(files));
  else if (first !== undefined) void score(first);
}

const isModel = (file: File): boolean => file.name.toLowerCase().endsWith(".onnx");

tableInput.onchange = () => take([...(tableInput.files ?? [])]);
modelInput.onchange = () => {
  const files = [...(modelInput.files ?? [])];
  if (files.length > 0) open(() => chosen(files));
};
for (const input of [tableInput, modelInput])
  input.onclick = () => (input.value = ""); // so that the same file can be chosen again after it was mended
providerInput.onchange = () => {
  provider = providerInput.value;
  const files = opened;
  open(files === null ? embedded : async () => files);
};
keyInput.onchange = () => {
  if (table !== null) void score(table);
};
byId("cancel", HTMLButtonElement).onclick = () => client.cancel();

const drop = byId("drop", HTMLElement);
document.ondragover = (event) => {
  event.preventDefault();
  drop.classList.add("over");
};
document.ondragleave = (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
};
document.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const files = event.dataTransfer?.files;
  if (files === undefined || files.length === 0) return;
  if (![...files].some(isModel)) tableInput.files = files; // shows its name
  take([...files]);
};

open(embedded);
