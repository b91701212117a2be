import { generateKeyPairSync } from "node:crypto";

/** A key that no App has, for a server that never talks to GitHub. */
export const testPrivateKey = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;
