import type { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { Problem, type ModelFile } from "./contract.ts";
import { ort as wasm } from "./wasm.ts";

/** The execution provider that runs a model where no other is asked for. */
export const DEFAULT = "wasm";
const WEBGPU = "webgpu";
const FATAL_ONLY = 4;

/** The parts of the browser's WebGPU that are looked at here. */
interface Gpu {
  requestAdapter(): Promise<object | null>;
}
interface Device {
  adapterInfo?: { vendor: string; architecture: string; isFallbackAdapter?: boolean };
}

/** A model on an execution provider, which runs every node of it. */
export interface Session {
  provider: string;
  /** The device as the browser calls it; null where it is the processor. */
  device: string | null;
  /** Name and version of what runs. */
  runtime: string;
  outputs: readonly string[];
  /** Every output by name for rows, float32 [rows, columns]. */
  run(values: Float32Array, rows: number, columns: number): Promise<Readonly<Record<string, Tensor>>>;
  /** Gives its memory back. */
  release(): Promise<void>;
}

/**
 * Opens a model on one provider and no other.
 *
 * @throws Problem with exit code 3 if it cannot run the whole model
 */
export async function createSession({ bytes, card }: ModelFile, provider: string): Promise<Session> {
  if (provider !== DEFAULT && provider !== WEBGPU) {
    throw new Problem(`This page has no provider '${provider}'; it has ${DEFAULT} and ${WEBGPU}.`, "", 3);
  }
  if (provider === WEBGPU) await checkWebGpu();
  try {
    const { ort } = provider === WEBGPU ? await import("./webgpu.ts") : { ort: wasm };
    const session = await ort.InferenceSession.create(bytes, options(provider));
    return {
      provider,
      device: provider === WEBGPU ? named((await ort.env.webgpu.device) as Device) : null,
      runtime: `onnxruntime-web ${ort.env.versions.web}`,
      outputs: session.outputNames,
      run: (values, rows, columns) => session.run({ features: new ort.Tensor("float32", values, [rows, columns]) }),
      release: () => session.release(),
    };
  } catch (error) {
    const said = reason(error);
    if (said.includes("assigned to the default CPU EP")) {
      throw new Problem(`${provider} does not run every node of this model; the processor would run the others.`, "", 3);
    }
    throw new Problem(`${provider} cannot run this model: ${said}`, `The model requires ${card.requires}.`, 3);
  }
}

/** The first line of what a runtime says, without the place in its source code that it may begin with. */
export function reason(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).trim();
  const said = text.replace(/^.*?ERROR_MESSAGE: /s, "").replace(/^\/\S+\.(?:cc|h):\d+ .*? was false\. /s, "");
  return said.split("\n")[0]!.slice(0, 300);
}

function options(provider: string): InferenceSession.SessionOptions {
  if (provider === DEFAULT) return { executionProviders: [provider] };
  // without it, nodes that WebGPU lacks would run on the processor, and nothing would say so
  const extra = { session: { disable_cpu_ep_fallback: "1" } };
  return { executionProviders: [provider], logSeverityLevel: FATAL_ONLY, extra };
}

/** Throws Problem where this browser has no WebGPU, before anything is loaded for it. */
async function checkWebGpu(): Promise<void> {
  const { gpu } = navigator as { gpu?: Gpu };
  if (gpu === undefined) {
    const why = self.isSecureContext ? "" : " for a page that did not come by https";
    throw new Problem(`This browser has no WebGPU${why}.`, "", 3);
  }
  if ((await gpu.requestAdapter().catch(() => null)) === null) {
    throw new Problem("This browser's WebGPU finds no graphics device.", "", 3);
  }
}

function named({ adapterInfo }: Device): string {
  const names = [adapterInfo?.vendor, adapterInfo?.architecture].filter((name) => name);
  const name = names.join(" ") || "a device without a name";
  return adapterInfo?.isFallbackAdapter ? `${name}, computed in software` : name;
}
