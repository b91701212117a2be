import type { Guard } from "../guard.ts";

const scope = {
  group: "token scope",
  promise: "P4",
  file: "src/github/octokit.ts",
  tests: ["test/github/token-scope.test.ts"],
} as const;
const gateway = { group: "gateway", promise: "P6" } as const;
const address = {
  ...gateway,
  file: "src/gateway/public-address.ts",
  tests: ["test/gateway/public-address.test.ts"],
} as const;
const token = {
  ...gateway,
  file: "src/gateway/turn-token-store.ts",
  tests: ["test/gateway/turn-token.test.ts"],
} as const;
const commits = { group: "commits", promise: "P4" } as const;
const hostile = {
  ...commits,
  file: "src/github/commit-policy.ts",
  tests: ["test/github/hostile-work.test.ts", "test/github/build-commit.test.ts"],
} as const;
const push = {
  ...commits,
  file: "src/github/push-branch.ts",
  tests: ["test/github/push-branch.test.ts"],
} as const;

/** What a token, a turn and a commit may reach. */
export const scopeGuards: readonly Guard[] = [
  {
    ...scope,
    name: "one repository is asked for",
    source: "repository_ids: [input.repositoryId],",
    without: "",
  },
  {
    ...scope,
    name: "the granted repository is the asked one",
    source: "repository?.id === input.repositoryId &&",
    without: "repository !== undefined &&",
  },
  {
    ...scope,
    name: "no second repository",
    source: "data.repositories?.length === 1 &&",
    without: "",
  },
  {
    ...scope,
    name: "no permission more",
    source:
      "Object.keys(granted).every((name) => granted[name] === permissions[name as keyof Permissions]) &&",
    without: "",
  },
  {
    ...scope,
    name: "no permission less",
    source: "Object.keys(permissions).every((name) => name in granted)",
    without: "true",
  },
  {
    ...scope,
    name: "no token before it is written down",
    source: "await onMinted?.(",
    without: "void onMinted?.(",
  },
  { ...address, name: "private IPv4", source: '["10.0.0.0", 8],', without: "" },
  { ...address, name: "loopback", source: '["127.0.0.0", 8],', without: "" },
  { ...address, name: "link-local and metadata", source: '["169.254.0.0", 16],', without: "" },
  {
    ...address,
    name: "IPv6 outside the public block",
    source: 'global6.check(address, "ipv6") && ',
    without: "",
  },
  {
    ...address,
    name: "IPv6 that carries IPv4",
    source: ' && !notPublic6.check(address, "ipv6")',
    without: "",
  },
  { ...token, name: "a revoked token", source: "${turnToken.revokedAt} is null and ", without: "" },
  { ...token, name: "an expired token", source: "${turnToken.expiresAt} > now()", without: "true" },
  {
    ...token,
    name: "a token of an earlier claim",
    source: "and ${task.fence} = ${turnToken.fence}",
    without: "",
  },
  {
    ...token,
    name: "a token of a task that has ended",
    source: "and ${task.status} in ('provisioning', 'running')",
    without: "",
  },
  {
    ...token,
    name: "a token of another task",
    source: "taskId === null ? undefined : eq(turnToken.taskId, taskId)",
    without: "undefined",
    tests: ["test/gateway/turn-token.test.ts", "test/gateway/gateway-route.test.ts"],
  },
  {
    ...push,
    name: "branches under claude/ only",
    source: "if (input.personsBranch !== true) assertBranch(branch);",
    without: "",
  },
  {
    ...push,
    name: "the lease",
    source: '...[`--force-with-lease=${ref}:${input.expectedSha ?? ""}`, remoteUrl,',
    without: '...["--force", remoteUrl,',
  },
  {
    ...hostile,
    name: "workflows",
    source: 'if (isProtected(policy.protectedPaths, change)) return "protected";',
    without: "",
  },
  {
    ...hostile,
    name: "submodules",
    source: 'if (change.oldMode === gitlink || change.newMode === gitlink) return "submodule";',
    without: "",
  },
  {
    ...hostile,
    name: "links that lead outside",
    source: "if (object.linkTarget !== null && leavesRepository(change.path, object.linkTarget))",
    without: "if (false)",
  },
  {
    ...hostile,
    name: "unsound names",
    source: 'if (!isUtf8(change.path) || hasControls(change.path)) return "bad-name";',
    without: "",
  },
];
