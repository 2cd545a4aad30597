// What the page takes from the core that all hosts in TypeScript share.
export type { Card, Feature } from "./core/card.ts";
export { goldenInputs, passed, replay, type Comparison, type Scores } from "./core/golden.ts";
export { SEPARATORS } from "./core/lines.ts";
export { checkSize, readModelFile, type ModelFile } from "./core/model.ts";
export { Problem } from "./core/problem.ts";
export { DEFAULT, encodingsOf, formatOf, type Encoding, type TableFormat } from "./core/reading.ts";
export { scoredHeader, scoredLines } from "./core/scored.ts";
export { TableReader } from "./core/table.ts";
export { ENCODING_NAMES } from "./core/transcoder.ts";
export { rowReader, type RowReader, type Value } from "./core/values.ts";
