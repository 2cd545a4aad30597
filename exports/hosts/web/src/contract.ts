// What the page takes from the core that all hosts in TypeScript share.
export type { Card } from "./core/card.ts";
export { goldenInputs, passed, replay, type Comparison, type Scores } from "./core/golden.ts";
export { LineReader } from "./core/lines.ts";
export { checkSize, readModelFile, type ModelFile } from "./core/model.ts";
export { Problem } from "./core/problem.ts";
export { scoredHeader, scoredLines } from "./core/scored.ts";
export { TableReader } from "./core/table.ts";
