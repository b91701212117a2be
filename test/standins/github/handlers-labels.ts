import { issueOf, page, textOf } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { labelFacts } from "./facts-issues.ts";
import { HttpError, invalid, notFound } from "./http-error.ts";
import { text } from "./json.ts";
import type { Json } from "./json.ts";
import { addLabel, labelByName, labelNames, newLabel, removeLabel, setLabels } from "./labels.ts";
import type { Issue } from "./state.ts";
import type { World } from "./world.ts";

/** Labels of a repository and on an issue. */
export const labelHandlers: Record<string, RepositoryHandler> = {
  "issues/list-labels-for-repo": (world, call) =>
    page(world, call, {
      items: call.repository.labels,
      facts: (label) => labelFacts(world, call.repository, label),
    }),
  "issues/get-label": (world, call) => {
    const label = labelByName(call.repository, textOf(call, "name"));
    if (label === undefined) throw notFound();
    return { status: 200, facts: labelFacts(world, call.repository, label) };
  },
  "issues/create-label": (world, call) => {
    const name = text(call.body["name"]) ?? "";
    if (labelByName(call.repository, name)) throw invalid("Label", { code: "already_exists", field: "name" });
    const [color, description] = [text(call.body["color"]), text(call.body["description"])];
    const label = newLabel(world, call.repository, { name, color, description });
    return { status: 201, facts: labelFacts(world, call.repository, label) };
  },
  "issues/list-labels-on-issue": (world, call) => ({
    status: 200,
    facts: onIssue(world, call, issueOf(call)),
  }),
  "issues/add-labels": async (world, call) => {
    const issue = issueOf(call);
    let effect = false;
    for (const name of labelNames(call.body["labels"]))
      effect = (await addLabel(world, call, issue, name)) || effect;
    return { status: 200, facts: onIssue(world, call, issue), effect };
  },
  "issues/set-labels": async (world, call) => {
    const issue = issueOf(call);
    const effect = await setLabels(world, call, issue, labelNames(call.body["labels"]));
    return { status: 200, facts: onIssue(world, call, issue), effect };
  },
  "issues/remove-label": takeOff,
};

async function takeOff(world: World, call: RepositoryCall): Promise<Answer> {
  const issue = issueOf(call);
  if (!(await removeLabel(world, call, issue, textOf(call, "name")))) {
    throw new HttpError(404, "Label does not exist");
  }
  return { status: 200, facts: onIssue(world, call, issue) };
}

function onIssue(world: World, call: RepositoryCall, issue: Issue): Json {
  return issue.labels.flatMap((name) => {
    const label = labelByName(call.repository, name);
    return label === undefined ? [] : [labelFacts(world, call.repository, label)];
  });
}
