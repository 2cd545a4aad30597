// The plainest of static servers: a folder under a path, no headers but the content's type.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const [port, folder, base] = process.argv.slice(2);
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  // the same page once more, isolated, where WebAssembly may use threads
  const isIsolated = pathname.startsWith("/isolated/");
  const root = isIsolated ? "/isolated/" : base;
  const path = join(folder, normalize(decodeURIComponent(pathname.slice(root.length)) || "index.html"));
  if (!pathname.startsWith(root) || !existsSync(path) || !statSync(path).isFile()) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("Not found");
    return;
  }
  const type = types[extname(path)] ?? "application/octet-stream";
  response.writeHead(200, { "Content-Type": type, ...(isIsolated ? isolated : {}) });
  createReadStream(path).pipe(response);
}).listen(Number(port), "127.0.0.1", function () {
  console.log(this.address().port); // which one, where 0 was asked for
});
