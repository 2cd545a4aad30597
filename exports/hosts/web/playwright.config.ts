import { defineConfig } from "@playwright/test";

// another in each run, so that two may go on side by side; the workers inherit it
const PORT = (process.env["DETECTOR_PORT"] ??= String(20_000 + (process.pid % 10_000)));

/** Milliseconds after which what hangs is ended; nothing is measured by them, since the machine may be busy. */
const PATIENCE = 600_000;

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results/playwright",
  workers: 1,
  timeout: PATIENCE,
  expect: { timeout: PATIENCE / 2 },
  reporter: "list",
  use: {
    baseURL: `http://127.0.0.1:${PORT}/some/where/`,
    browserName: "chromium",
    headless: true,
    viewport: { width: 1100, height: 900 },
    launchOptions: { executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ["--no-sandbox"] },
  },
  webServer: {
    command: `node tests/server.js ${PORT} dist /some/where/`,
    url: `http://127.0.0.1:${PORT}/some/where/`,
    reuseExistingServer: false,
    timeout: PATIENCE,
  },
});
