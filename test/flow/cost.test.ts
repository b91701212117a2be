import { expect, test } from "vitest";
import { answer, use, type Reply, type Scenario } from "../standins/model/reply.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What tasks cost, on a thread that only people of the account see. */

const usage = {
  input_tokens: 100_000,
  output_tokens: 10_000,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
};
const counted = (reply: Reply): Reply => (reply.kind === "message" ? { ...reply, usage } : reply);
/** Two calls of $0.30 for what went in and $0.15 for what came out each, at the list prices of claude-sonnet-4-5. */
const scenario: Scenario = ({ turn }) =>
  counted(
    turn === 0
      ? answer(use("Bash", { command: "date +%N > turn.txt", description: "Write the file" }))
      : answer("I wrote turn.txt."),
  );

const world = shareWorld({
  private: true,
  files: {
    "README.md": "# widgets\n",
    ".github/remote-claude.yml": "limits:\n  approve_above_usd: 0.5\n",
  },
  scenario,
});

async function ask(): Promise<number> {
  const { github, repository } = world();
  const { number } = await github.as("alice").createIssue(repository, { title: "Turn" });
  await github.as("alice").comment(repository, number, "/claude write turn.txt");
  return number;
}

const lastWord = async (issue: number) => (await seeThread(world(), issue)).said.at(-1) ?? "";

test("receipts say to the cent what was used; once tasks are known to cost more than the settings allow, a yes is asked for first", async () => {
  const { github, repository, model } = world();
  for (let task = 1; task <= 3; task++) {
    const issue = await ask();
    expect(await world().untilReported(issue)).toMatchObject({ status: "completed" });
    const said = await lastWord(issue);
    expect(said).toContain("| Tokens | 200,000 in, 20,000 out, 0 from cache, 0 into cache |");
    expect(said).toContain("| Model cost | $0.90 |");
    expect(said).toContain("| Charged | nothing: this server bills nobody |");
  }

  const before = model.requests.length;
  const issue = await ask();
  await world().until("it asks", async () =>
    (await lastWord(issue)).includes("nothing is charged meanwhile"),
  );
  expect(await lastWord(issue)).toContain(
    "Half of this repository's last tasks cost up to $0.90, nine in ten up to $0.90; its settings ask for a yes above $0.50.",
  );
  expect(await seeThread(world(), issue)).toMatchObject({ branches: [], pulls: [] });
  expect(model.requests.length).toBe(before);

  await github.as("alice").comment(repository, issue, "/claude approve");
  expect(await world().untilReported(issue)).toMatchObject({ status: "completed" });
  expect((await seeThread(world(), issue)).pulls).toHaveLength(1);
  const status = (await seeThread(world(), issue)).said.find((body) => body.includes("Receipt:"));
  expect(status).toContain("| Model cost | $0.90 |");
});
