import { toError, UserError } from "../errors.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import type { Check } from "./doctor/check.ts";
import { runCheck } from "./doctor/check.ts";
import { checkEverything } from "./doctor/check-everything.ts";
import { checkGit } from "./doctor/check-git.ts";
import { checkNode } from "./doctor/check-node.ts";
import { renderChecks } from "./doctor/render-checks.ts";

/** `remote-claude doctor`: looks at all that the server needs, leaves nothing changed, spends nothing. */
export async function runDoctor(io: CliIo, input: { json: boolean }): Promise<void> {
  const checks = await makeChecks(io);
  const broken = checks.some(({ status }) => status === "fail");
  if (input.json) writeJson(io, { ok: !broken, checks });
  else io.write(renderChecks(checks));
  if (broken) io.setExitCode(1);
}

async function makeChecks(io: CliIo): Promise<Check[]> {
  const own = await Promise.all([
    runCheck({ id: "node", title: "Node.js" }, checkNode),
    runCheck({ id: "git", title: "git" }, checkGit),
  ]);
  const title = { id: "config", title: "Configuration" };
  try {
    const config = io.readConfig();
    const said = { status: "ok" as const, detail: "every variable is sound", remedy: null };
    return [{ ...title, ...said }, ...own, ...(await checkEverything({ config, io }))];
  } catch (thrown) {
    const error = toError(thrown);
    if (!(error instanceof UserError)) throw error;
    // Nothing else can be looked at before this is mended.
    return [{ ...title, status: "fail", detail: error.message, remedy: error.remedy }, ...own];
  }
}
