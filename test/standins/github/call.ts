import { HttpError, notFound } from "./http-error.ts";
import { inWords } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Account, Actor, Author, Issue, Repository } from "./state.ts";
import { issueByNumber } from "./world.ts";
import type { World } from "./world.ts";

/** One REST call after it was matched, authenticated and judged. */
export type Call = {
  operationId: string;
  method: string;
  /** Below the API root, without the query. */
  path: string;
  actor: Actor;
  params: Record<string, string>;
  query: JsonObject;
  body: JsonObject;
  accept: string;
};

export type RepositoryCall = Call & { repository: Repository };

/** What goes back: `facts` are cast by the contract, `raw` goes as it stands. */
export type Answer = {
  status: number;
  facts?: Json;
  raw?: { type: string; data: string | Buffer };
  headers?: Record<string, string>;
  /** False: nothing was changed (it was so already). */
  effect?: boolean;
};

export type Handler = (world: World, call: Call) => Answer | Promise<Answer>;
export type RepositoryHandler = (world: World, call: RepositoryCall) => Answer | Promise<Answer>;

/** The account that acts: the person, or the App's bot. */
export function accountOf(actor: Actor): Account {
  if (actor.kind === "user") return actor.user;
  if (actor.kind === "installation") return actor.bot;
  throw new HttpError(401, "Requires authentication");
}

/** How something written by this actor is signed. */
export function authorOf(actor: Actor): Author {
  return { userId: accountOf(actor).id, appId: actor.kind === "installation" ? actor.app.id : null };
}

/** The issue or pull request that the path names. */
export function issueOf(call: RepositoryCall): Issue {
  const number = Number(call.params["issue_number"] ?? call.params["pull_number"]);
  if (call.repository.issues.get(number)?.deleted === true)
    throw new HttpError(410, "This issue was deleted");
  const issue = issueByNumber(call.repository, number);
  if (issue === undefined) throw notFound();
  return issue;
}

/** The pull request that the path names. */
export function pullIssueOf(call: RepositoryCall): Issue {
  const issue = issueOf(call);
  if (issue.pull === null) throw notFound();
  return issue;
}

/** The numeric path parameter of that name. */
export function numberOf(call: Call, name: string): number {
  return Number(call.params[name]);
}

/** The path parameter of that name, decoded; it may hold slashes. */
export function textOf(call: Call, name: string): string {
  return call.params[name] ?? "";
}

/** One page of a list with GitHub's Link header; `wrap` names the member that holds it where the answer is an object. */
export function page<T>(
  world: World,
  call: Call,
  input: { items: readonly T[]; facts: (item: T) => Json; wrap?: string },
): Answer {
  const perPage = Math.min(100, Math.max(1, Number(call.query["per_page"] ?? 30)));
  const number = Math.max(1, Number(call.query["page"] ?? 1));
  const last = Math.max(1, Math.ceil(input.items.length / perPage));
  const facts = input.items.slice((number - 1) * perPage, number * perPage).map(input.facts);
  const link = (target: number, relation: string): string => {
    const query = new URLSearchParams(
      Object.entries(call.query).map(([k, v]): [string, string] => [k, inWords(v)]),
    );
    query.set("page", String(target));
    return `<${world.apiUrl}${call.path}?${query.toString()}>; rel="${relation}"`;
  };
  const links = [
    ...(number > 1 ? [link(number - 1, "prev"), link(1, "first")] : []),
    ...(number < last ? [link(number + 1, "next"), link(last, "last")] : []),
  ];
  return {
    status: 200,
    facts: input.wrap === undefined ? facts : { total_count: input.items.length, [input.wrap]: facts },
    ...(links.length === 0 ? {} : { headers: { link: links.join(", ") } }),
  };
}
