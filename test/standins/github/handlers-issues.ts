import { accountOf, authorOf, issueOf, page } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { emitThread, touch } from "./emit.ts";
import { accountFacts } from "./facts.ts";
import { issueFacts } from "./facts-issues.ts";
import { inWords, text, texts } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { setState } from "./issue-state.ts";
import { labelNames, setLabels } from "./labels.ts";
import { checkBody, checkTitle, mayActAs, requireAuthorOr } from "./limits.ts";
import { setPullState } from "./pull-changes.ts";
import { atLeast, roleOf } from "./roles.ts";
import type { Issue } from "./state.ts";
import { accountById, accountByLogin, ownerOf, stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Issues themselves: read, open, change, close, assign, lock. */
export const issueHandlers: Record<string, RepositoryHandler> = {
  "issues/get": (world, call) => ({
    status: 200,
    facts: issueFacts(world, call.repository, issueOf(call)),
  }),
  "issues/create": createIssue,
  "issues/update": updateIssue,
  "issues/list-for-repo": listIssues,
  "issues/add-assignees": (world, call) => changeAssignees(world, call, "assigned", 201),
  "issues/remove-assignees": (world, call) => changeAssignees(world, call, "unassigned", 200),
  "issues/lock": (world, call) => setLocked(world, call, true),
  "issues/unlock": (world, call) => setLocked(world, call, false),
};

/** A new issue or pull request in state; numbers are shared between both. */
export function newIssue(
  world: World,
  call: RepositoryCall,
  input: { title: string; body: string | null; pull: Issue["pull"] },
): Issue {
  const { repository } = call;
  const now = stamp(world);
  const issue: Issue = {
    id: world.nextId("issue"),
    number: repository.nextNumber++,
    author: authorOf(call.actor),
    title: input.title,
    body: input.body,
    state: "open",
    stateReason: null,
    locked: false,
    lockReason: null,
    labels: [],
    assigneeIds: [],
    comments: [],
    reactions: [],
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    closedBy: null,
    deleted: false,
    pull: input.pull,
  };
  repository.issues.set(issue.number, issue);
  return issue;
}

async function createIssue(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body } = call;
  const title = inWords(body["title"]);
  checkTitle("Issue", title);
  checkBody("Issue", text(body["body"]), false);
  const issue = newIssue(world, call, { title, body: text(body["body"]) ?? null, pull: null });
  await emitThread(world, { repository, issue, action: "opened", sender: accountOf(call.actor) });
  if (mayActAs(world, call, "triage")) {
    await setLabels(world, call, issue, labelNames(body["labels"]));
    await setAssignees(world, call, issue, assigneeNames(body));
  }
  const facts = issueFacts(world, repository, issue);
  return { status: 201, facts, headers: { location: inWords(facts["url"]) } };
}

async function updateIssue(world: World, call: RepositoryCall): Promise<Answer> {
  const issue = issueOf(call);
  const { repository, body } = call;
  requireAuthorOr(world, call, issue.author.userId, "triage");
  const sender = accountOf(call.actor);
  await editThread(world, call, issue);
  if (mayActAs(world, call, "triage")) {
    if (body["labels"] !== undefined) await setLabels(world, call, issue, labelNames(body["labels"]));
    if (body["assignees"] !== undefined) await setAssignees(world, call, issue, assigneeNames(body));
  }
  const state = text(body["state"]);
  if ((state === "open" || state === "closed") && issue.pull !== null) {
    await setPullState(world, { repository, issue, sender, state });
  } else if ((state === "open" || state === "closed") && state !== issue.state) {
    setState(world, { issue, state, byId: sender.id, reason: text(body["state_reason"]) });
    await emitThread(world, { repository, issue, action: state === "open" ? "reopened" : "closed", sender });
  }
  return { status: 200, facts: issueFacts(world, repository, issue) };
}

/** Takes over a new title and body from the call and tells the Apps what they were. */
export async function editThread(world: World, call: RepositoryCall, issue: Issue): Promise<void> {
  const title = call.body["title"] === undefined ? undefined : inWords(call.body["title"]);
  const body = call.body["body"];
  const changes: JsonObject = {};
  if (title !== undefined && title !== issue.title) {
    checkTitle("Issue", title);
    changes["title"] = { from: issue.title };
    issue.title = title;
  }
  if ((typeof body === "string" || body === null) && body !== issue.body) {
    checkBody("Issue", body, false);
    changes["body"] = { from: issue.body ?? "" };
    issue.body = body;
  }
  if (Object.keys(changes).length === 0) return;
  touch(world, issue);
  const { repository } = call;
  await emitThread(world, {
    repository,
    issue,
    action: "edited",
    sender: accountOf(call.actor),
    facts: { changes },
  });
}

function listIssues(world: World, call: RepositoryCall): Answer {
  const { query, repository } = call;
  const state = text(query["state"]) ?? "open";
  const labels = (text(query["labels"]) ?? "").split(",").filter(Boolean);
  const since = text(query["since"]);
  const creator = text(query["creator"])?.toLowerCase();
  const items = [...repository.issues.values()]
    .filter((issue) => !issue.deleted && (state === "all" || issue.state === state))
    .filter((issue) => labels.every((label) => issue.labels.includes(label)))
    .filter((issue) => since === undefined || issue.updatedAt >= since)
    .filter(
      (issue) =>
        creator === undefined || accountById(world, issue.author.userId).login.toLowerCase() === creator,
    )
    .toSorted((a, b) => b.number - a.number);
  if (query["sort"] === "updated") items.sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1));
  if (query["direction"] === "asc") items.reverse();
  return page(world, call, { items, facts: (issue) => issueFacts(world, repository, issue) });
}

function assigneeNames(body: JsonObject): string[] {
  const one = text(body["assignee"]);
  return [...texts(body["assignees"]), ...(one === undefined ? [] : [one])];
}

/** The ids of those people who can be assigned; GitHub leaves the others out without a word. */
function assignable(world: World, call: RepositoryCall, logins: readonly string[]): number[] {
  return logins.flatMap((login) => {
    const account = accountByLogin(world, login);
    if (account?.type !== "User") return [];
    const { repository } = call;
    const isMember = repository.roles.has(account.id) || ownerOf(world, repository).members.has(account.id);
    return isMember || atLeast(roleOf(world, repository, account), "triage") ? [account.id] : [];
  });
}

async function setAssignees(
  world: World,
  call: RepositoryCall,
  issue: Issue,
  logins: string[],
): Promise<void> {
  const wanted = assignable(world, call, logins);
  for (const id of issue.assigneeIds.filter((id) => !wanted.includes(id)))
    await unassign(world, call, issue, id);
  for (const id of wanted.filter((id) => !issue.assigneeIds.includes(id)))
    await assign(world, call, issue, id);
}

async function assign(world: World, call: RepositoryCall, issue: Issue, id: number): Promise<void> {
  issue.assigneeIds.push(id);
  touch(world, issue);
  await emitAssignee(world, call, { issue, id, action: "assigned" });
}

async function unassign(world: World, call: RepositoryCall, issue: Issue, id: number): Promise<void> {
  issue.assigneeIds = issue.assigneeIds.filter((other) => other !== id);
  touch(world, issue);
  await emitAssignee(world, call, { issue, id, action: "unassigned" });
}

async function changeAssignees(
  world: World,
  call: RepositoryCall,
  action: "assigned" | "unassigned",
  status: number,
): Promise<Answer> {
  const issue = issueOf(call);
  const ids = assignable(world, call, texts(call.body["assignees"]));
  const changed = ids.filter((id) => issue.assigneeIds.includes(id) === (action === "unassigned"));
  for (const id of changed) await (action === "assigned" ? assign : unassign)(world, call, issue, id);
  return { status, facts: issueFacts(world, call.repository, issue), effect: changed.length > 0 };
}

async function emitAssignee(
  world: World,
  call: RepositoryCall,
  input: { issue: Issue; id: number; action: string },
): Promise<void> {
  const facts = { assignee: accountFacts(world, accountById(world, input.id)) };
  await emitThread(world, { ...input, repository: call.repository, sender: accountOf(call.actor), facts });
}

async function setLocked(world: World, call: RepositoryCall, locked: boolean): Promise<Answer> {
  const issue = issueOf(call);
  if (issue.locked === locked) return { status: 204, effect: false };
  issue.locked = locked;
  issue.lockReason = locked ? (text(call.body["lock_reason"]) ?? null) : null;
  const action = locked ? "locked" : "unlocked";
  await emitThread(world, { repository: call.repository, issue, action, sender: accountOf(call.actor) });
  return { status: 204 };
}
