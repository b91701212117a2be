import { parseArgs } from "node:util";
import { budgetStory, budgetTurns } from "./budget-story.ts";
import { mainStory } from "./main-story.ts";
import { resumeStory, resumeTurns } from "./resume-story.ts";
import { reviewStory, reviewTurns } from "./review-story.ts";
import { openStage, type Stage } from "./stage.ts";
import { createTeller, type Teller } from "./teller.ts";

/** What a story saw; `ok` says whether it went as it should. */
type StoryResult = { ok: boolean } & Record<string, unknown>;
type Story = {
  play: (stage: Stage, tell: Teller) => Promise<StoryResult>;
  stage?: Parameters<typeof openStage>[1];
};

const stories: Readonly<Record<string, Story>> = {
  main: { play: mainStory },
  resume: { play: resumeStory, stage: { e2b: true, scenario: resumeTurns } },
  budget: { play: budgetStory, stage: { scenario: budgetTurns } },
  review: { play: reviewStory, stage: { scenario: reviewTurns } },
};

const usage = `npm run demo -- [--story ${Object.keys(stories).join("|")}] [--json] [--exit]

Plays a story with the real bot, the real Claude Code and real git against a GitHub of its own on this machine.
  --json   print one JSON object on standard output, progress on standard error
  --exit   end when the story ends, instead of keeping the servers up to look at
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      story: { type: "string", default: "main" },
      json: { type: "boolean", default: false },
      exit: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const story = stories[values.story];
  if (values.help || story === undefined) {
    if (story === undefined) process.stderr.write(`There is no story "${values.story}".\n\n`);
    process.stderr.write(usage);
    return values.help ? 0 : 2;
  }
  const tell = createTeller(values.json ? process.stderr : process.stdout);
  const stage = await openStage(tell, story.stage);
  try {
    const result = await story.play(stage, tell);
    if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    if (!values.exit) {
      tell.say(`\nThe servers stay up; look at ${stage.issueUrl() ?? stage.github.url}. Ctrl-C ends them.`);
      await stage.interrupted;
    }
    return result.ok ? 0 : 1;
  } finally {
    await stage.close();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(
    `The demo did not work: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return 1;
});
// Servers of the stage are closed; a keep-alive connection must not hold the process.
process.exit();
