import { createRequire } from "node:module";

type Body = Record<string, unknown> & {
  comment: Record<string, unknown>;
  issue: Record<string, unknown>;
};

type Recording = { name: string; examples: Record<string, unknown>[] };

/** GitHub's webhooks as they were recorded, by event. */
export const recordings = createRequire(import.meta.url)(
  "@octokit/webhooks-examples/api.github.com/index.json",
) as Recording[];

/** A recorded body of this event and action, the caller's own to change. */
export function sampleBody(event: string, action: string): Body {
  const found = recordings
    .find(({ name }) => name === event)
    ?.examples.find((example) => example.action === action);
  if (found === undefined) throw new Error(`no recording of ${event}.${action}`);
  return structuredClone(found) as Body;
}

let lastId = 4_000_000_000;

/** A new comment that was made just now. */
export function commentBody(text: string): Body {
  const body = sampleBody("issue_comment", "created");
  body.comment = { ...body.comment, id: (lastId += 1), body: text, created_at: new Date().toISOString() };
  return body;
}
