// ONNX Runtime in WebAssembly, on the processor.
import * as ort from "onnxruntime-web/wasm";
import loaderUrl from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";

// both files lie in the page's own folder
const here = (address: string): URL => new URL(address, import.meta.url);
ort.env.wasm.wasmPaths = { mjs: here(loaderUrl), wasm: here(wasmUrl) };
// shared memory, which threads need, is there only on isolated pages
ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, Math.ceil(navigator.hardwareConcurrency / 2)) : 1;
ort.env.logLevel = "error";

export { ort };
