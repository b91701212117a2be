import type { World } from "../support/world.ts";

/** What a person finds after a command: on the thread, under the command, among branches and pull requests. */
export type Seen = {
  /** What the bot has said, oldest first. */
  said: string[];
  reactions: string[];
  /** Branches of this issue, ours and such as look like ours. */
  branches: string[];
  pulls: Awaited<ReturnType<World["github"]["pullRequests"]>>;
};

/** Looks at an issue of the world's repository; `commentId` is the command's comment while it stands. */
export async function seeThread(world: World, issueNumber: number, commentId?: number): Promise<Seen> {
  const { github, repository } = world;
  const ours = `claude/${issueNumber}-`;
  return {
    said: github
      .comments(repository, issueNumber)
      .filter(({ author }) => author === world.app.botLogin)
      .map(({ body }) => body),
    reactions: github.reactions(repository, issueNumber, commentId).map(({ content }) => content),
    branches: Object.keys(await github.branches(repository)).filter((name) => name.startsWith(ours)),
    pulls: (await github.pullRequests(repository)).filter(({ head }) => head.startsWith(ours)),
  };
}
