import { readFileSync } from "node:fs";
import type { E2B } from "e2b";

/** Where everything of the template is said; other providers build the same file. */
export const dockerfile = new URL("./Dockerfile", import.meta.url);

/** One turn of Claude Code needs about 225 MB; the rest is for the repository's own tests. */
export const machineSize = { cpuCount: 2, memoryMB: 2048 } as const;

/** The template as E2B's builder takes it. */
export function defineTemplate(client: E2B) {
  return client.Template().fromDockerfile(readFileSync(dockerfile, "utf8"));
}
