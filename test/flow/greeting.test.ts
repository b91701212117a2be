import { expect, test } from "vitest";
import { answerOnly } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** Who is new here, and who writes faster than anybody can work. */

const world = shareWorld({ scenario: answerOnly("Because.") });
const alice = () => world().github.as("alice");
const hello = "First time here?";

/** A person who may write and has never asked for anything. */
function newcomer(login: string) {
  world().github.createUser(login);
  world().github.setRole(world().repository, login, "write");
  return world().github.as(login);
}

async function issue(title: string): Promise<number> {
  return (await alice().createIssue(world().repository, { title })).number;
}

const greetingsOn = async (numbers: readonly number[]) => {
  const threads = await Promise.all(numbers.map((number) => seeThread(world(), number)));
  return threads.flatMap(({ said }) => said).filter((body) => body.includes(hello));
};

test("the first status comment of a person explains, and no other does", async () => {
  const carol = newcomer("carol");
  const first = await issue("First");
  await carol.comment(world().repository, first, "/claude ask why?");
  await world().untilReported(first);
  const second = await issue("Second");
  await carol.comment(world().repository, second, "/claude ask why?");
  await world().untilReported(second);
  await carol.comment(world().repository, first, "/claude ask why again?");
  await world().untilReported(first, { count: 2 });
  expect(await greetingsOn([first])).toHaveLength(1);
  expect(await greetingsOn([second])).toEqual([]);
});

test("twenty first commands at once bring one greeting", { timeout: 180_000 }, async () => {
  const dave = newcomer("dave");
  const issues = await Promise.all(Array.from({ length: 20 }, (_, nth) => issue(`At once ${nth}`)));
  await Promise.all(issues.map((number) => dave.comment(world().repository, number, "/claude ask why?")));
  for (const number of issues) await world().untilReported(number, { timeoutMs: 120_000 });
  expect(await greetingsOn(issues)).toHaveLength(1);
});

test(
  "twenty commands on one issue in a second become twenty tasks of one session, in their order",
  { timeout: 180_000 },
  async () => {
    const number = await issue("In order");
    const written: number[] = [];
    for (let nth = 0; nth < 20; nth++) {
      const { id } = await alice().comment(world().repository, number, `/claude ask question ${nth}`);
      written.push(id);
    }
    const tasks = await world().until(
      "twenty tasks are made",
      async () => {
        const rows = (await world().tasks()).filter(({ issueNumber }) => issueNumber === number);
        return rows.length === 20 ? rows : null;
      },
      120_000,
    );
    expect(new Set(tasks.map(({ sessionId }) => sessionId)).size).toBe(1);
    expect(tasks.map(({ triggerCommentId }) => triggerCommentId).reverse()).toEqual(written);
    await alice().comment(world().repository, number, "/claude stop");
    await world().until(
      "all are over",
      async () => {
        const rows = (await world().tasks()).filter(({ issueNumber }) => issueNumber === number);
        return rows.every(({ finishedAt }) => finishedAt !== null);
      },
      120_000,
    );
  },
);
