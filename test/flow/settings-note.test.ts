import { expect, test } from "vitest";
import { shareWorld } from "./share-world.ts";

const handled: string[] = [];
const settings = ".github/remote-claude.yml";

const open = shareWorld(
  {
    env: { LOG_LEVEL: "info" },
    files: { "README.md": "# widgets\n", [settings]: "model: claude-a\n" },
    logTo: {
      write(line) {
        const { event, outcome, msg } = JSON.parse(line) as Record<string, unknown>;
        if (msg === "webhook handled" && String(event).startsWith("pull_request."))
          handled.push(String(outcome));
      },
    },
  },
  async ({ github }) => {
    github.createUser("mallory");
    await github.createRepository({
      owner: "acme",
      name: ".github",
      private: true,
      files: { [settings]: "limits: { turns: 7 }\negress_hosts: [internal.example]\n" },
    });
  },
);

/** What becomes of the events that `act` causes. */
async function after(act: () => Promise<unknown>): Promise<string | undefined> {
  const before = handled.length;
  await act();
  await open().until("the event is handled", () => Promise.resolve(handled.length > before));
  return handled.at(-1);
}

async function draftFromFork(branch: string) {
  const { github, repository } = open();
  const fork = await github.fork(repository, "mallory", { name: `widgets-${branch}` });
  let number = 0;
  return {
    notes: () =>
      github
        .comments(repository, number)
        .filter(({ body }) => body.includes("<!-- remote-claude:settings-change:"))
        .map(({ body }) => body),
    push: (files: Record<string, string>) => github.commit(fork.fullName, { branch, files, by: "mallory" }),
    open: async () => {
      const pull = { title: branch, head: `mallory:${branch}`, base: "main", head_repo: fork.fullName };
      const { body } = await github.as("mallory").api("POST", `/repos/${repository}/pulls`, {
        ...pull,
        head_repo: `widgets-${branch}`,
      });
      number = (body as { number: number }).number;
    },
    close: () => github.as("mallory").closeIssue(repository, number),
    reopen: () => github.as("mallory").reopenIssue(repository, number),
  };
}

test("a stranger's pull request that changes the settings gets one note, which follows its pushes", async () => {
  const pull = await draftFromFork("change");
  await pull.push({ [settings]: "model: claude-b\nlimits: { turns: 9 }\negress_hosts: [x.example]\n" });
  expect(await after(pull.open)).toBe("settings-noted");
  const [first] = pull.notes();
  expect(first).toContain("which is valid. After a merge, 3 settings would change:");
  expect(first).toContain("| `model` | `claude-a` | `claude-b` |");
  // What comes from the owner's private file is nobody's to read.
  expect(first).toContain("| `limits.turns` | what the owner's settings say | `9` |");
  expect(first).not.toContain("internal.example");

  expect(await after(() => pull.push({ [settings]: "modle: claude-b\n" }))).toBe("note-edited");
  expect(pull.notes()).toEqual([expect.stringContaining("line 1: modle: there is no such key")]);

  expect(await after(() => pull.push({ "README.md": "# Widgets\n" }))).toBe("note-stands");
  expect(await after(() => pull.push({ [settings]: "model: claude-a\n" }))).toBe("note-edited");
  expect(pull.notes()).toEqual([
    expect.stringContaining("This pull request no longer changes `.github/remote-claude.yml`."),
  ]);

  await after(pull.close);
  await pull.push({ [settings]: "model: claude-c\n" });
  expect(pull.notes()).toEqual([expect.stringContaining("no longer changes")]);
  expect(await after(pull.reopen)).toBe("note-edited");
  expect(pull.notes()).toEqual([expect.stringContaining("| `model` | `claude-a` | `claude-c` |")]);
});

test("a pull request that leaves the file alone gets none, also where the base has changed it meanwhile", async () => {
  const { github, repository } = open();
  const pull = await draftFromFork("other");
  await pull.push({ "README.md": "# Other\n" });
  expect(await after(pull.open)).toBe("settings-untouched");
  await github.commit(repository, { branch: "main", files: { [settings]: "model: claude-d\n" } });
  expect(await after(() => pull.push({ "README.md": "# Others\n" }))).toBe("settings-untouched");
  expect(pull.notes()).toEqual([]);
  expect(github.effects.filter(({ operationId }) => operationId === "issues/create-comment")).toHaveLength(1);
});
