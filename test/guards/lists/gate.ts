import type { Guard } from "../guard.ts";

const gate = { group: "gate", promise: "P7", tests: ["test/webhooks/gate.test.ts"] } as const;
const decides = { ...gate, file: "src/webhooks/gate.ts" } as const;
const asks = { ...gate, file: "src/github/thread.ts" } as const;
const roles = { ...asks, tests: ["test/github/thread-roles.test.ts"] } as const;

/** Who is let in. */
export const gateGuards: readonly Guard[] = [
  {
    ...decides,
    name: "what came through our App is ourselves",
    source: "input.viaAppId === input.ourAppId || ",
    without: "",
  },
  {
    ...decides,
    name: "our bot account is ourselves",
    source: " || sender.id === input.ourBotId",
    without: "",
  },
  {
    ...decides,
    name: "only listed bots are heard",
    source: "if (!isPerson && !triggers.botIds.includes(sender.id)) ",
    without: "if (false) ",
  },
  { ...decides, name: "write access", source: "if (!mayWrite(standing.role))", without: "if (false)" },
  {
    ...decides,
    name: "the settings' roles",
    source: "if (isPerson && !hasRoleOf(standing, triggers.roles))",
    without: "if (false)",
  },
  {
    ...decides,
    name: "the settings' label",
    source: "if (label !== undefined && !isSameLabel(label, triggers.label))",
    without: "if (false)",
  },
  {
    ...asks,
    name: "the answer is about this very account",
    source: "if (data.user?.id !== input.user.id)",
    without: "if (false)",
  },
  {
    ...asks,
    name: "a role that nobody knows",
    source: 'isRole(permission) ? permission : "unknown"',
    without: "permission as Role",
  },
  {
    ...asks,
    name: "a failed question is no yes",
    source: 'throw toGitHubError(error, "asking for a role");',
    without: 'return { role: "write", name: null };',
  },
  {
    ...asks,
    name: "nobody GitHub knows is nobody",
    source: 'if (isMissing(error)) return { role: "none", name: null };',
    without: 'if (isMissing(error)) return { role: "write", name: null };',
  },
  {
    ...asks,
    name: "read is not write",
    source: 'role === "admin" || role === "write"',
    without: 'role === "admin" || role === "write" || role === "read"',
  },
  { ...roles, name: "the floor under the roles", source: "if (!mayWrite(role)) return false;", without: "" },
  {
    ...roles,
    name: "admins have to be listed too",
    source: 'if (role === "admin") return roles.includes("admin");',
    without: 'if (role === "admin") return true;',
  },
  {
    ...roles,
    name: "maintain is told from write",
    source: 'name === "maintain" ? "maintain" : "write"',
    without: '"write"',
  },
  {
    ...gate,
    name: "an App that was removed starts nothing",
    file: "src/webhooks/trigger.ts",
    source: 'if (tenant.removed) return ignore("not-installed");',
    without: "",
  },
  {
    ...gate,
    name: "an App that was suspended starts nothing",
    file: "src/webhooks/trigger.ts",
    source: 'if (tenant.suspended) return ignore("suspended");',
    without: "",
  },
  {
    ...gate,
    name: "the verdict is obeyed",
    file: "src/webhooks/trigger.ts",
    source: "if (!verdict.ok) {",
    without: "if (false) {",
  },
  {
    ...gate,
    name: "a command that waited too long elsewhere",
    file: "src/webhooks/trigger.ts",
    source: "if (await cameTooLate(deps, event)) ",
    without: "if (false) ",
  },
  {
    ...gate,
    name: "asked again before the push",
    file: "src/tasks/open-writer.ts",
    source: "if (mayWrite(role)) return;",
    without: "return;",
    tests: ["test/flow/revoked.test.ts"],
  },
];
