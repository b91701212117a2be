import type { Config } from "../config.ts";

/** What must never be seen outside this process, by value. */
export function knownSecrets(config: Config & { databaseUrl: string }): string[] {
  const { password } = new URL(config.databaseUrl);
  const credential = config.model.credential?.value.replace(/^Bearer /, "");
  const secrets = [
    config.app?.privateKey,
    ...(config.app?.webhookSecrets ?? []),
    config.signIn?.clientSecret,
    config.billing?.secretKey,
    ...(config.billing?.webhookSecrets ?? []),
    credential,
    decodeURIComponent(password),
    config.sandbox.e2b?.apiKey,
    config.sandbox.daytona?.apiKey,
    config.checkpoints.s3?.secretAccessKey,
    config.checkpoints.encryptionKey?.toString("base64"),
  ];
  return secrets.flatMap((secret) => (secret === undefined || secret === "" ? [] : [secret]));
}
