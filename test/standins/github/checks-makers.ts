import { addAccount, addApp } from "./apps.ts";
import { announceEnd, announceRun, newRun } from "./checks-runs.ts";
import { toLog } from "./checks-log.ts";
import { addStatus } from "./checks-statuses.ts";
import { emitSuite, senderOf, suiteFor, suiteOf, suiteState } from "./checks-suites.ts";
import { revision } from "./git.ts";
import type { App, CheckRun, CheckSuite, CommitStatus, Repository } from "./state.ts";
import { accountByLogin, must, ownerOf, repositoryNamed, stamp } from "./world.ts";
import type { World } from "./world.ts";

export type Conclusion =
  "success" | "failure" | "neutral" | "cancelled" | "skipped" | "timed_out" | "action_required";
type Result = {
  output?: { title?: string; summary?: string; text?: string };
  annotations?: {
    path: string;
    line: number;
    endLine?: number;
    /** failure when absent. */
    level?: "notice" | "warning" | "failure";
    message: string;
    title?: string;
  }[];
  /** Of a job of GitHub Actions, without the time before each line; without one its address answers 404. */
  log?: string;
  completedAt?: string;
};
type CheckOptions = Result & {
  headSha: string;
  name: string;
  /** The slug of an App, which is made when there is none; GitHub Actions when absent. */
  app?: string;
  /** Of GitHub Actions: each workflow has a suite of its own on a commit. "CI" when absent. */
  workflow?: string;
  /** completed where there is a conclusion, else in_progress, when absent. */
  status?: CheckRun["status"];
  conclusion?: Conclusion;
  detailsUrl?: string;
  startedAt?: string;
};
type SuiteOptions = Pick<CheckOptions, "headSha" | "app" | "workflow"> & { createdAt?: string };
type StatusOptions = {
  state: CommitStatus["state"];
  /** "default" when absent. */
  context?: string;
  description?: string;
  targetUrl?: string;
  /** Whose token the CI has; the owner's when absent. */
  by?: string;
};

export type CheckView = {
  id: number;
  suiteId: number;
  status: CheckRun["status"];
  conclusion: string | null;
};
export type SuiteView = Omit<CheckView, "suiteId"> & {
  app: string;
  headSha: string;
  headBranch: string | null;
};

/** What CI says about commits. `repo` is `owner/name`. */
export type CheckMakers = {
  /** A run of another App, of GitHub Actions unless said otherwise; a second one of its name on a commit is a re-run. */
  createCheck(repo: string, input: CheckOptions): Promise<CheckView>;
  completeCheck(repo: string, id: number, input: Result & { conclusion: Conclusion }): CheckView;
  /** A suite that has no runs yet, as of a workflow about to begin. */
  createSuite(repo: string, input: SuiteOptions): Promise<SuiteView>;
  checkSuites(repo: string): SuiteView[];
  /** The button "Re-run all checks": only the App whose suite it is hears of it. */
  rerequestSuite(repo: string, suiteId: number, by: string): void;
  /** From now on the log of a job is gone (410). */
  expireLog(repo: string, id: number): void;
  setStatus(repo: string, sha: string, input: StatusOptions): Promise<{ id: number }>;
};

/** Opens the world for what CI says. */
export function openCheckMakers(world: World): CheckMakers {
  const runOf = (repository: Repository, id: number): CheckRun =>
    must(
      repository.checkRuns.find((run) => run.id === id),
      `check run ${id}`,
    );
  return {
    createCheck: (repo, input) => createCheck(world, repositoryNamed(world, repo), input),
    completeCheck: (repo, id, input) => {
      const repository = repositoryNamed(world, repo);
      const run = runOf(repository, id);
      if (run.status === "completed") throw new Error(`Expected check run ${id} to be open, it has ended.`);
      const suite = suiteOf(repository, run);
      setResult(world, { run, suite, result: input });
      announceEnd(world, { repository, run, sender: senderOf(world, suite) });
      return checkView(run);
    },
    createSuite: async (repo, input) => {
      const repository = repositoryNamed(world, repo);
      const suite = await openSuite(world, repository, input);
      return suiteView(world, repository, suite);
    },
    checkSuites: (repo) => {
      const repository = repositoryNamed(world, repo);
      return repository.checks.suites.map((suite) => suiteView(world, repository, suite));
    },
    rerequestSuite: (repo, suiteId, by) => {
      const repository = repositoryNamed(world, repo);
      const found = repository.checks.suites.find(({ id }) => id === suiteId);
      const suite = must(found, `check suite ${suiteId}`);
      const sender = must(accountByLogin(world, by), `account ${by}`);
      emitSuite(world, { repository, suite, action: "rerequested", sender });
    },
    expireLog: (repo, id) => {
      must(runOf(repositoryNamed(world, repo), id).log, `log of check run ${id}`).isExpired = true;
    },
    setStatus: async (repo, sha, input) => {
      const repository = repositoryNamed(world, repo);
      await requireCommit(repository, sha);
      const { by, state, context = "default", description = null, targetUrl = null } = input;
      const creator = by === undefined ? ownerOf(world, repository) : accountByLogin(world, by);
      const creatorId = must(creator, `account ${by ?? ""}`).id;
      const said = { creatorId, sha, context, state, description, targetUrl };
      const { id } = await addStatus(world, { repository, ...said });
      return { id };
    },
  };
}

async function createCheck(world: World, repository: Repository, input: CheckOptions): Promise<CheckView> {
  const { name, conclusion, detailsUrl = null } = input;
  const suite = await openSuite(world, repository, input);
  const run = newRun(world, { repository, suite, name });
  Object.assign(run, { detailsUrl, startedAt: input.startedAt ?? stamp(world) });
  run.status = input.status ?? "in_progress";
  setResult(world, { run, suite, result: input });
  if ((run.status === "completed") !== (conclusion !== undefined)) {
    throw new Error(`Expected check ${name} to have a conclusion where it is completed, and only there.`);
  }
  announceRun(world, { repository, run, sender: senderOf(world, suite) });
  return checkView(run);
}

async function openSuite(world: World, repository: Repository, input: SuiteOptions): Promise<CheckSuite> {
  const { headSha, app: slug = actionsSlug, workflow, createdAt } = input;
  await requireCommit(repository, headSha);
  if (workflow !== undefined && slug !== actionsSlug) {
    throw new Error(`Expected a workflow only with GitHub Actions, got ${workflow} with ${slug}.`);
  }
  const app = await appOf(world, slug);
  const ofActions = slug === actionsSlug ? { workflow: workflow ?? "CI" } : {};
  const given = createdAt === undefined ? {} : { createdAt };
  return await suiteFor(world, { repository, appId: app.id, headSha, ...ofActions, ...given });
}

const actionsSlug = "github-actions";
const opening = new WeakMap<World, Map<string, Promise<App>>>();

/** The App of that slug, made once; nobody hears of it, for it is not installed. */
async function appOf(world: World, slug: string): Promise<App> {
  const known = [...world.apps.values()].find((app) => app.slug === slug);
  if (known !== undefined) return known;
  const started = opening.get(world) ?? new Map<string, Promise<App>>();
  opening.set(world, started);
  const app = started.get(slug) ?? makeApp(world, slug);
  started.set(slug, app);
  return await app;
}

async function makeApp(world: World, slug: string): Promise<App> {
  const isActions = slug === actionsSlug;
  const login = isActions ? "github" : `${slug}-makers`;
  const owner = accountByLogin(world, login) ?? addAccount(world, { login, type: "Organization" });
  const name = isActions ? "GitHub Actions" : slug;
  const app = await addApp(world, { name, owner, permissions: { checks: "write" }, events: [] });
  if (!isActions) return app;
  // The one App whose id is the same for everybody.
  world.apps.delete(app.id);
  app.id = 15_368;
  world.apps.set(app.id, app);
  return app;
}

async function requireCommit(repository: Repository, sha: string): Promise<void> {
  if ((await revision(repository.directory, sha)) !== sha)
    throw new Error(`Expected the full id of a commit of ${repository.name}, got ${sha}.`);
}

function setResult(
  world: World,
  input: { run: CheckRun; suite: CheckSuite; result: Result & { conclusion?: Conclusion } },
): void {
  const { run, suite, result } = input;
  if (result.output !== undefined) run.output = { ...run.output, ...result.output };
  for (const { path, line, endLine = line, level = "failure", message, title = null } of result.annotations ??
    []) {
    run.annotations.push({ path, startLine: line, endLine, level, message, title, rawDetails: null });
  }
  if (result.log !== undefined && suite.workflow === null) {
    throw new Error(`Expected a log only of GitHub Actions, got one of ${run.name}.`);
  }
  if (result.log !== undefined) run.log = toLog(world, result.log);
  if (result.conclusion === undefined) return;
  run.conclusion = result.conclusion;
  run.status = "completed";
  run.completedAt = result.completedAt ?? stamp(world);
}

function checkView({ id, suiteId, status, conclusion }: CheckRun): CheckView {
  return { id, suiteId, status, conclusion };
}

function suiteView(world: World, repository: Repository, suite: CheckSuite): SuiteView {
  const { id, headSha, headBranch, appId } = suite;
  const app = must(world.apps.get(appId), `app ${appId}`).slug;
  return { id, app, headSha, headBranch, ...suiteState(repository, suite) };
}
