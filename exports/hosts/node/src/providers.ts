import { Problem } from "./core/problem.ts";

/** The execution providers that can be asked for: their names in onnxruntime-node, and in ONNX Runtime. */
export const PROVIDERS: Readonly<Record<string, string>> = {
  cpu: "CPUExecutionProvider",
  cuda: "CUDAExecutionProvider",
  coreml: "CoreMLExecutionProvider",
  dml: "DmlExecutionProvider",
  webgpu: "WebGpuExecutionProvider",
};
export const CPU = "cpu";

const REMEDIES: Readonly<Record<string, string>> = {
  cuda:
    "Fetch its libraries with: ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install " +
    "(Linux on x64; CUDA 12 and cuDNN 9 must be installed too), or use --provider cpu.",
  webgpu: "It needs a graphics driver: Vulkan on Linux, Direct3D 12 on Windows, Metal on macOS; or use --provider cpu.",
};
/** What to do where another provider cannot be used. */
export const ELSEWHERE = "Use --provider cpu.";

/** onnxruntime-node's name of a provider, given by that name or by ONNX Runtime's, in any case; Problem for another. */
export function findProvider(name: string): string {
  const wanted = name.toLowerCase();
  for (const [short, long] of Object.entries(PROVIDERS)) {
    if (wanted === short || wanted === long.toLowerCase()) return short;
  }
  throw new Problem(`No provider is called '${name}'.`, `Known: ${Object.keys(PROVIDERS).join(", ")}.`);
}

/** The Problem with a provider that cannot run a model, out of what ONNX Runtime says. */
export function refused(provider: string, error: unknown): Problem {
  const name = PROVIDERS[provider]!;
  const said = reason(error);
  if (said.includes("assigned to the default CPU EP")) {
    return new Problem(`${name} does not run every node of this model; the CPU would run the others.`, ELSEWHERE, 3);
  }
  return new Problem(`${name} cannot run this model: ${said}`, REMEDIES[provider] ?? ELSEWHERE, 3);
}

/** What must stand in the environment before the runtime is loaded, which reads it once. */
export function environment(provider: string): Readonly<Record<string, string>> {
  // ONNX Runtime would send usage data
  const telemetry = { ORT_DISABLE_TELEMETRY: "1" };
  // cuBLAS and cuDNN would compute in less than float32; onnxruntime-node passes none of CUDA's options on but the device
  return provider === "cuda" ? { ...telemetry, NVIDIA_TF32_OVERRIDE: "0" } : telemetry;
}

/** The first line of what ONNX Runtime says, without the places in its source code that it begins with. */
export function reason(error: unknown): string {
  const text = String(error instanceof Error ? error.message : error).trim();
  const said = text
    .replace(/^\/\S+\.(?:cc|h):\d+ .*? was false\. /s, "")
    .replace(/^\/\S+\.(?:cc|h):\d+ .*?(?=\[ONNXRuntimeError\])/s, "")
    .replace(/^OrtSessionOptionsAppendExecutionProvider_\w+: /, "")
    .replace(/^\[ONNXRuntimeError\] : \d+ : \w+ : /, "");
  return said.split("\n")[0]!.slice(0, 300);
}
