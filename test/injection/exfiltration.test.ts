import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createTurn, startGateway } from "../gateway/fixture.ts";
import { createTestDatabase } from "../support/database.ts";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { agentCommand } from "../../src/sessions/agent-command.ts";
import { startAttacker } from "./attacker.ts";
import { channels, type Channel } from "./channels.ts";

type Tried = Omit<Channel, "command"> & { word: string; command: string };

/** Runs every way at once in a machine with a real gateway, as a turn would have it; answers what came where. */
async function tryAll(isolation: "bwrap" | "none") {
  const attacker = await startAttacker(await temporaryFolder());
  onTestFinished(() => attacker.close());
  const model = await startModelEnd();
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  const { token } = await createTurn(database.database);
  const gateway = await startGateway(database.database, { baseUrl: model.url });
  onTestFinished(() => gateway.close());
  const { sandbox, sh } = await localMachine({ isolation });
  await sandbox.writeFile(`${sandbox.paths.repo}/a.txt`, "a\n");
  const tried = channels.flatMap((channel, index): Tried[] => {
    const word = `word${index}x${crypto.randomUUID().replaceAll("-", "")}`;
    const command = channel.command(word, attacker.address);
    return command === null ? [] : [{ ...channel, word, command }];
  });
  const { env } = agentCommand({
    ...{ sandbox, turnToken: token, model: "m", maxTurns: 1, claudeSessionId: "s", resume: false },
    ...{ tools: "everything", readsMemory: false, steeringDirectory: sandbox.paths.tmp },
  });
  const script = [
    `cd ${sandbox.paths.repo}; git init -q; git add -A; git -c user.name=a -c user.email=a@b.test commit -qm a`,
    ...tried.map(({ command, name }) => `( { ${command}; echo; } 2>&1 | sed 's/^/${name}: /' ) </dev/null &`),
    "wait; echo all-tried",
  ].join("\n");
  await sandbox.writeFile(`${sandbox.paths.tmp}/try.sh`, script);
  const result = await sh(`sh ${sandbox.paths.tmp}/try.sh`, {
    env,
    gatewaySocket: gateway.socketPath,
    timeoutMs: 60_000,
  });
  expect(result.stdoutTail).toContain("all-tried");
  return { tried, attacker, model, said: result.stdoutTail };
}

/** What stands for the model's API: hears the calls that the gateway passes on. */
async function startModelEnd(): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.writeHead(400, { "content-type": "application/json" }).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

test("nothing gets out of the local sandbox, whatever way it tries", async (context) => {
  await needBwrap(context);
  const { tried, attacker, model, said } = await tryAll("bwrap");
  expect(attacker.received()).toBe("");
  expect(model.bodies).toEqual([]);
  for (const { name } of tried.filter(({ to }) => to === "gateway"))
    expect(said, name).toMatch(new RegExp(`^${name}: .*(?:[Ee]xpect|not allowed|400 Bad|response 40)`, "m"));
  expect(said).not.toContain("REACHED");

  console.info(`${tried.length} ways out tried, 0 bytes at the listener`);
}, 90_000);

test("the same ways reach the listener where nothing keeps them in, but not through the gateway", async () => {
  const { tried, attacker, model } = await tryAll("none");
  const received = attacker.received();
  const arrived = tried.filter(({ word }) => received.includes(word)).map(({ name }) => name);
  expect(arrived).toEqual(tried.filter(({ to }) => to === "host").map(({ name }) => name));
  expect(model.bodies).toEqual([]);
}, 90_000);
