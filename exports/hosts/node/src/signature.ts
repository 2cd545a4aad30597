import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename } from "node:path";

import { cannotUse } from "./cannotuse.ts";
import { Problem } from "./core/problem.ts";

/**
 * Holds a model's bytes against its detached Ed25519 signature, `NAME.onnx.sig` beside `NAME.onnx`; `key` is the path of
 * a public key in PEM. Throws Problem with exit code 2 for what is not such a key, 1 where the file is not signed by it.
 */
export function checkSignature(model: string, bytes: Uint8Array, key: string): void {
  const path = `${model}.sig`;
  const trusted = publicKey(key);
  if (!existsSync(path)) {
    throw new Problem(`${model} is not signed: there is no ${path}.`, `Put ${basename(path)}, from where the model was exported, beside it, or leave --trusted-key out.`, 1);
  }
  if (!statSync(path).isFile()) {
    throw new Problem(`${path} is not a regular file; expected a signature.`, "Take both files from where they were made.", 1);
  }
  if (!verify(null, bytes, trusted, read(path))) {
    throw new Problem(
      `${path} is not a signature of ${basename(model)} by ${key}.`,
      "Do not use it; take both files from where they were exported.",
      1,
    );
  }
}

function publicKey(path: string): KeyObject {
  if (existsSync(path) && !statSync(path).isFile()) {
    throw new Problem(`${path} is not a regular file; expected a key in PEM.`, "Name the key's file.");
  }
  const pem = read(path);
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === "ed25519" && !pem.includes("PRIVATE KEY")) return key;
  } catch {
    // said below, as for a key of another kind
  }
  throw new Problem(
    `${path} is not a public Ed25519 key in PEM.`,
    "Ask whoever signs the model for the public key; they make it with: " +
      "openssl pkey -in private.pem -pubout -out public.pem",
  );
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw cannotUse(path, error);
  }
}
