// ONNX Runtime with WebGPU: a build of its own, twice as large, which is loaded only where it was asked for.
import * as ort from "onnxruntime-web/webgpu";
import loaderUrl from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";

const here = (address: string): URL => new URL(address, import.meta.url);
ort.env.wasm.wasmPaths = { mjs: here(loaderUrl), wasm: here(wasmUrl) };
ort.env.wasm.numThreads = 1; // nothing is computed on the processor
ort.env.logLevel = "fatal"; // what goes wrong is told on the page

export { ort };
