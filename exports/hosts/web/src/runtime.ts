import * as ort from "onnxruntime-web/wasm";
import loaderUrl from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { Problem, type ModelFile } from "./contract.ts";

export const PROVIDER = "wasm";
export const RUNTIME = `onnxruntime-web ${ort.env.versions.web}`;

// both files lie in the page's own folder
const here = (address: string): URL => new URL(address, import.meta.url);
ort.env.wasm.wasmPaths = { mjs: here(loaderUrl), wasm: here(wasmUrl) };
// shared memory, which threads need, is there only on isolated pages
ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, Math.ceil(navigator.hardwareConcurrency / 2)) : 1;
ort.env.logLevel = "error";

/** A session of the WebAssembly provider and no other; Problem with exit code 3 if it cannot run the model. */
export async function createSession({ bytes, card }: ModelFile): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(bytes, { executionProviders: [PROVIDER] });
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).trim().split("\n");
    throw new Problem(
      `${PROVIDER} cannot run this model: ${(line ?? "").slice(0, 300)}`,
      `The model requires ${card.requires}.`,
      3,
    );
  }
}

/** Rows as the session takes them, float32 [rows, columns]. */
export const tensor = (values: Float32Array, rows: number, columns: number): ort.Tensor =>
  new ort.Tensor("float32", values, [rows, columns]);

export type Session = ort.InferenceSession;
