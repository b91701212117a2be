import type { Guard } from "../guard.ts";

const inbox = { group: "intake", promise: "P7", tests: ["test/webhooks/inbox.test.ts"] } as const;
const limits = { ...inbox, promise: "P1", tests: ["test/webhooks/inbox-limits.test.ts"] } as const;
const head = { ...inbox, file: "src/webhooks/check-head.ts" } as const;
const kinds = { ...inbox, promise: "P2", tests: ["test/webhooks/delivery-kind.test.ts"] } as const;
const keys = {
  ...inbox,
  promise: "P2",
  file: "src/webhooks/business-key.ts",
  tests: ["test/webhooks/business-key.test.ts"],
} as const;

/** What comes in by the webhooks. */
export const intakeGuards: readonly Guard[] = [
  {
    ...inbox,
    name: "the signature",
    file: "src/webhooks/judge-delivery.ts",
    source: "if (!isSigned(raw, signature, secrets))",
    without: "if (false)",
  },
  {
    ...inbox,
    name: "the second secret while they rotate",
    file: "src/webhooks/signature.ts",
    source: "secrets.some(",
    without: "secrets.slice(0, 1).some(",
  },
  { ...head, name: "a sound delivery id", source: "!deliveryIdFormat.test(deliveryId)", without: "false" },
  { ...head, name: "a sound event name", source: "!eventFormat.test(event)", without: "false" },
  {
    ...head,
    name: "JSON only",
    source: String.raw`if (!/^application\/json *(;|$)/i.test(headers["content-type"] ?? ""))`,
    without: "if (false)",
  },
  {
    ...head,
    ...limits,
    name: "a length that is announced",
    source: "if (length !== null && length > maxBodyBytes)",
    without: "if (false)",
  },
  {
    ...limits,
    name: "a length that is not announced",
    file: "src/webhooks/read-body.ts",
    source: "if (bytes > maxBytes)",
    without: "if (false)",
  },
  {
    ...limits,
    name: "many large bodies at once",
    file: "src/webhooks/read-body.ts",
    source: "else if (held.bytes > held.maxBytes)",
    without: "else if (false)",
  },
  {
    ...limits,
    name: "what was held is given back",
    file: "src/webhooks/read-body.ts",
    source: "held.bytes -= bytes;",
    without: "",
  },
  {
    ...inbox,
    name: "POST only",
    file: "src/webhooks/inbox.ts",
    source: 'if (request.method !== "POST")',
    without: "if (false)",
  },
  {
    ...kinds,
    name: "the header fits the body",
    file: "src/webhooks/classify-delivery.ts",
    source: "if (!headerFits(event, kind))",
    without: "if (false)",
    tests: ["test/webhooks/inbox.test.ts"],
  },
  {
    ...kinds,
    name: "an unknown body is not passed off as a known event",
    file: "src/webhooks/delivery-kind.ts",
    source: "!knownKinds.some((known) => known === event)",
    without: "true",
  },
  {
    ...kinds,
    name: "a known body is not passed off as an unknown event",
    file: "src/webhooks/delivery-kind.ts",
    source: ": kind === event",
    without: ": true",
  },
  {
    ...kinds,
    name: "a repository's body has nothing of others",
    file: "src/webhooks/delivery-kind.ts",
    source: "Object.keys(body).every((key) => repositoryKeys.has(key))",
    without: "true",
  },
  {
    ...kinds,
    name: "a body is an object",
    file: "src/webhooks/classify-delivery.ts",
    source: "if (!isBody(body))",
    without: "if (false)",
    tests: ["test/webhooks/inbox.test.ts"],
  },
  {
    ...kinds,
    name: "three days",
    file: "src/webhooks/classify-delivery.ts",
    source: "request.at !== null && now.getTime() - request.at.getTime() > maxTriggerAgeMs",
    without: "false",
    tests: ["test/webhooks/inbox.test.ts"],
  },
  {
    ...keys,
    name: "a comment is one request",
    source: "businessKey: `comment:${comment.id}`",
    without: "businessKey: null",
  },
  { ...keys, name: "a review is one request", source: "`review:${review.id}`", without: "null" },
  {
    ...keys,
    name: "a review's comment is one request",
    source: "`review-comment:${comment.id}`",
    without: "null",
  },
  {
    ...keys,
    name: "a label is one request",
    source: "`label:${issue.id}:${label.id}:${issue.updated_at}`",
    without: "null",
  },
  {
    ...keys,
    name: "an assignment is one request",
    source: "`assign:${issue.id}:${assignee.id}:${issue.updated_at}`",
    without: "null",
  },
  {
    ...inbox,
    name: "answered after the commit",
    promise: "P1",
    file: "src/webhooks/inbox.ts",
    source: "const stored = await deps.commits.store(row);",
    without: 'const stored = "queued" as const; void deps.commits.store(row).catch(() => null);',
    tests: ["test/webhooks/inbox.test.ts", "test/webhooks/inbox-limits.test.ts"],
  },
  {
    ...inbox,
    name: "only what died is revived",
    promise: "P2",
    file: "src/webhooks/intake-store.ts",
    source: ', eq(delivery.status, "dead")',
    without: "",
  },
  {
    ...inbox,
    name: "a delivery that is done is done",
    promise: "P2",
    file: "src/webhooks/receive.ts",
    source: ' || delivery.status === "done"',
    without: "",
    tests: ["test/webhooks/receive.test.ts"],
  },
];
