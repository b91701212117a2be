import type { Environment } from "./environment.ts";

export type E2bConfig = {
  apiKey: string;
  template: string;
  apiUrl: string;
  /** Null: each sandbox has a host name of its own. */
  sandboxUrl: string | null;
  maxRunMs: number;
};

export type DaytonaConfig = { apiKey: string; apiUrl: string; target: string | null; snapshot: string };

export type CheckpointConfig = {
  maxBytes: number;
  /** 32 bytes; null: made and kept in the data directory. */
  encryptionKey: Buffer | null;
  /** Null: in the data directory. */
  s3: S3Config | null;
};

export type S3Config = { url: string; region: string; accessKeyId: string; secretAccessKey: string };

/** What is missing for the providers that are named, in sentences. */
export function sandboxProblems(env: Environment): string[] {
  const names = env.SANDBOX_PROVIDER;
  const problems: string[] = [];
  if (names.includes("e2b") && env.E2B_API_KEY === undefined)
    problems.push(
      "E2B_API_KEY: missing, while SANDBOX_PROVIDER names e2b; make one at https://e2b.dev/dashboard",
    );
  if (names.includes("daytona") && env.DAYTONA_API_KEY === undefined)
    problems.push(
      "DAYTONA_API_KEY: missing, while SANDBOX_PROVIDER names daytona; make one at https://app.daytona.io/dashboard/keys",
    );
  const remote = names.filter((name) => name !== "local");
  if (remote.length > 0 && env.PUBLIC_URL === undefined)
    problems.push(
      `PUBLIC_URL: missing, while SANDBOX_PROVIDER names ${remote.join(" and ")}; sandboxes elsewhere reach the model only through this server, so set the address under which it can be reached`,
    );
  return problems;
}

/** What is missing for checkpoints in a bucket, in sentences. */
export function checkpointProblems(env: Environment): string[] {
  if (env.CHECKPOINT_S3_URL === undefined) return [];
  const problems = (["CHECKPOINT_S3_ACCESS_KEY_ID", "CHECKPOINT_S3_SECRET_ACCESS_KEY"] as const).flatMap(
    (name) => (env[name] === undefined ? [`${name}: missing, while CHECKPOINT_S3_URL is set`] : []),
  );
  if (env.ENCRYPTION_KEY === undefined)
    problems.push(
      "ENCRYPTION_KEY: missing, while CHECKPOINT_S3_URL is set; a key kept on one machine could not open what another one stored (openssl rand -base64 32)",
    );
  return problems;
}

export function readE2b(env: Environment): E2bConfig | null {
  if (!env.SANDBOX_PROVIDER.includes("e2b") || env.E2B_API_KEY === undefined) return null;
  return {
    apiKey: env.E2B_API_KEY,
    template: env.E2B_TEMPLATE,
    apiUrl: env.E2B_API_URL,
    sandboxUrl: env.E2B_SANDBOX_URL ?? null,
    maxRunMs: env.E2B_MAX_RUN_MINUTES * 60_000,
  };
}

export function readDaytona(env: Environment): DaytonaConfig | null {
  if (!env.SANDBOX_PROVIDER.includes("daytona") || env.DAYTONA_API_KEY === undefined) return null;
  return {
    apiKey: env.DAYTONA_API_KEY,
    apiUrl: env.DAYTONA_API_URL,
    target: env.DAYTONA_TARGET ?? null,
    snapshot: env.DAYTONA_SNAPSHOT,
  };
}

export function readCheckpoints(env: Environment): CheckpointConfig {
  return {
    maxBytes: env.CHECKPOINT_MAX_MB * 2 ** 20,
    encryptionKey: env.ENCRYPTION_KEY === undefined ? null : Buffer.from(env.ENCRYPTION_KEY, "base64"),
    s3: readS3(env),
  };
}

function readS3(env: Environment): S3Config | null {
  const { CHECKPOINT_S3_URL, CHECKPOINT_S3_ACCESS_KEY_ID, CHECKPOINT_S3_SECRET_ACCESS_KEY } = env;
  if (
    CHECKPOINT_S3_URL === undefined ||
    CHECKPOINT_S3_ACCESS_KEY_ID === undefined ||
    CHECKPOINT_S3_SECRET_ACCESS_KEY === undefined
  )
    return null;
  return {
    url: CHECKPOINT_S3_URL,
    region: env.CHECKPOINT_S3_REGION,
    accessKeyId: CHECKPOINT_S3_ACCESS_KEY_ID,
    secretAccessKey: CHECKPOINT_S3_SECRET_ACCESS_KEY,
  };
}
