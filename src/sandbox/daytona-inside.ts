import { z } from "zod";
import type { Sandbox as DaytonaSandbox } from "@daytona/sdk";
import type { DaytonaClient } from "./daytona-client.ts";
import { endRun, prepareMachine, superviseRun, superviseRunParts } from "./daytona-inside-supervise.ts";
import { placeInside, insideFilesParts, readInside } from "./daytona-inside-files.ts";
import { followRun, followRunParts, readStat } from "./daytona-inside-run.ts";
import { SandboxError } from "./sandbox.ts";

type InsideFunction = (...input: never[]) => unknown;

const answerMark = "remote-claude-answer:";

const supervisor = [
  ...[superviseRun, ...superviseRunParts, readStat].map(String),
  `superviseRun(JSON.parse(process.getBuiltinModule("node:fs").readFileSync(0, "utf8")));`,
].join("\n");

const programs = {
  followRun: program(followRun, followRunParts, `, ${JSON.stringify(supervisor)}`),
  endRun: program(endRun, [...superviseRunParts, readStat]),
  prepareMachine: program(prepareMachine, [...superviseRunParts, readStat]),
  readInside: program(readInside, insideFilesParts),
  placeInside: program(placeInside, insideFilesParts),
};

/** The text of a Node program that calls one function with the request and prints what it answers. */
function program(main: InsideFunction, parts: readonly InsideFunction[], more = ""): string {
  return [
    ...[main, ...parts].map(String),
    `Promise.resolve(${main.name}(request${more})).then((answer) => {`,
    `  process.stdout.write("\\n${answerMark}" + JSON.stringify(answer) + "\\n");`,
    `});`,
  ].join("\n");
}

export type InsideCall = {
  /** How long it may take inside, seconds. */
  timeoutSeconds: number;
  /** It may be sent again when the answer is lost. */
  repeatable: boolean;
};

/**
 * Calls one of our functions inside the machine. Daytona's way to run something takes a shell command; ours is constant,
 * and the request comes as base64, which means nothing to a shell.
 */
export async function callInside<Answer>(
  { client, machine }: { client: DaytonaClient; machine: DaytonaSandbox },
  input: { name: keyof typeof programs; request: unknown; answer: z.ZodType<Answer> } & InsideCall,
): Promise<Answer> {
  const request = Buffer.from(JSON.stringify(input.request)).toString("base64");
  const command = [
    "exec node - <<'REMOTE_CLAUDE_END'",
    `const request = JSON.parse(Buffer.from("${request}", "base64").toString("utf8"));`,
    programs[input.name],
    "REMOTE_CLAUDE_END",
    "",
  ].join("\n");
  const act = () => machine.process.executeCommand(command, undefined, undefined, input.timeoutSeconds);
  const what = `${input.name} in the machine ${machine.id}`;
  const { exitCode, result } = await (input.repeatable ? client.call(what, act) : client.once(what, act));
  const at = result.lastIndexOf(`\n${answerMark}`);
  if (at >= 0) {
    const text = result.slice(at + answerMark.length + 1);
    return input.answer.parse(JSON.parse(text));
  }
  const said = result.trim().slice(-2_000);
  if (exitCode === 127)
    throw new SandboxError(
      "auth",
      `expected Node.js in machines made from the Daytona snapshot ${client.config.snapshot}, found none; build it from sandbox/template: ${said}`,
    );
  throw new SandboxError("transient", `${what} ended with ${exitCode} and no answer: ${said}`);
}
