import { defineConfig } from "vite";

const output = {
  // not every server knows that .mjs is JavaScript, and browsers refuse a module of another type
  assetFileNames: ({ names }: { names: string[] }): string =>
    names[0]?.endsWith(".mjs") ? "assets/[name]-[hash].js" : "assets/[name]-[hash][extname]",
};

export default defineConfig({
  base: "./",
  appType: "mpa", // a missing file is a 404, not the page
  resolve: {
    preserveSymlinks: true, // src/core may be a link into another host; its packages are ours
    conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "import", "default"],
  },
  worker: { format: "es", rolldownOptions: { output } },
  build: { target: "es2022", modulePreload: false, assetsInlineLimit: 0, rolldownOptions: { output } },
});
