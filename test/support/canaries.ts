import { randomBytes } from "node:crypto";

/** A secret that must be found nowhere; `kind` says which exceptions it may have. */
export type Canary = {
  name: string;
  /** shown-turn: of a turn whose agent shows its own environment to everybody. */
  kind: "bot" | "provider" | "model" | "s3-id" | "github" | "turn" | "shown-turn" | "marker";
  value: string | Buffer;
};

/** Values that nothing else in the world has, each in the shape of the real thing. */
export function makeCanaryValues() {
  const random = (bytes: number) => randomBytes(bytes).toString("base64url");
  return {
    webhookSecretPrevious: `previous-${random(30)}`,
    anthropicApiKey: `sk-ant-${random(60)}`,
    e2bApiKey: `e2b_${randomBytes(20).toString("hex")}`,
    daytonaApiKey: `dtn_${randomBytes(32).toString("hex")}`,
    encryptionKey: randomBytes(32),
    s3AccessKeyId: `AKIA${randomBytes(8).toString("hex").toUpperCase()}`,
    s3SecretAccessKey: randomBytes(30).toString("base64"),
    clientSecret: randomBytes(20).toString("hex"),
    /** Not a secret: text of a conversation, to be seen inside and never in what is sealed. */
    marker: `marker-${random(30)}`,
  };
}

/** The first of these characters are the same in every RSA key of its size. */
const commonToKeys = 24;

/** A private key as its lines and as the bytes they stand for. */
export function keyCanaries(pem: string): Canary[] {
  const lines = pem.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  const body = lines.join("").slice(commonToKeys);
  const bytes = Buffer.from(lines.join(""), "base64").subarray(commonToKeys);
  return [
    { name: "private key", kind: "bot", value: body },
    ...lines.slice(1).map((value): Canary => ({ name: "line of the private key", kind: "bot", value })),
    { name: "private key as bytes", kind: "bot", value: bytes },
  ];
}
