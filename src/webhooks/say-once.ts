import { setTimeout as delay } from "node:timers/promises";
import type { Octokit } from "@octokit/rest";
import { withAccount, type Db } from "../../db/client.ts";
import { mark } from "../github/mark.ts";
import { createComment, findComment, type Thread } from "../github/say.ts";
import { claimReply, recordReply, releaseReply, type ReplyKey } from "./reply-store.ts";

const pollMs = 250;

/**
 * A reply that stands once in its thread, however often and from how many deliveries it is asked for: claimed, looked
 * for where somebody began before us, written, recorded.
 */
export async function sayOnce(
  deps: { db: Db; system: Db },
  octokit: Octokit,
  input: ReplyKey & Thread & { botId: number; since: Date; text: string },
): Promise<void> {
  const { accountId, repositoryId, issueNumber, kind, key } = input;
  const reply: ReplyKey = { accountId, repositoryId, issueNumber, kind, key };
  const inAccount = <T>(run: Parameters<typeof withAccount<T>>[2]) => withAccount(deps.db, accountId, run);
  let claim = await inAccount((tx) => claimReply(tx, reply));
  while (!claim.mine) {
    if (claim.state === "said") return;
    await delay(pollMs);
    claim = await inAccount((tx) => claimReply(tx, reply));
  }
  const stands = claim.mayStand && (await findComment(octokit, input)) !== null;
  if (!stands) {
    const body = `${input.text}\n\n${mark(kind, key)}`;
    try {
      await createComment(deps, octokit, { ...input, body, urgency: "firstStatus" });
    } catch (error) {
      await inAccount((tx) => releaseReply(tx, reply));
      throw error;
    }
  }
  await inAccount((tx) => recordReply(tx, reply));
}
