import { accountOf } from "./call.ts";
import type { RepositoryCall } from "./call.ts";
import { emitThread, touch } from "./emit.ts";
import { labelFacts } from "./facts-issues.ts";
import { isObject, text } from "./json.ts";
import type { Json } from "./json.ts";
import type { Issue, Label, Repository } from "./state.ts";
import { must } from "./world.ts";
import type { World } from "./world.ts";

/** The label of that name, whatever its case. */
export function labelByName(repository: Repository, name: string): Label | undefined {
  return repository.labels.find((label) => label.name.toLowerCase() === name.toLowerCase());
}

/** Adds a label to a repository. */
export function newLabel(
  world: Pick<World, "nextId">,
  repository: Repository,
  input: {
    name: string;
    color?: string | undefined;
    description?: string | null | undefined;
    isDefault?: boolean;
  },
): Label {
  const { name, color = "ededed", description = null, isDefault = false } = input;
  const label: Label = { id: world.nextId("label"), name, color, description, isDefault };
  repository.labels.push(label);
  return label;
}

/** Puts a label on an issue, making it where the repository has none of that name; false when it was there. */
export async function addLabel(
  world: World,
  call: RepositoryCall,
  issue: Issue,
  name: string,
): Promise<boolean> {
  const label = labelByName(call.repository, name) ?? newLabel(world, call.repository, { name });
  if (issue.labels.includes(label.name)) return false;
  issue.labels.push(label.name);
  await emitLabel(world, call, { issue, name: label.name, action: "labeled" });
  return true;
}

/** Takes a label off an issue; false when it was not there. */
export async function removeLabel(
  world: World,
  call: RepositoryCall,
  issue: Issue,
  name: string,
): Promise<boolean> {
  const held = issue.labels.find((label) => label.toLowerCase() === name.toLowerCase());
  if (held === undefined) return false;
  issue.labels = issue.labels.filter((label) => label !== held);
  await emitLabel(world, call, { issue, name: held, action: "unlabeled" });
  return true;
}

/** Makes these the labels of an issue; false when nothing changed. */
export async function setLabels(
  world: World,
  call: RepositoryCall,
  issue: Issue,
  names: string[],
): Promise<boolean> {
  const wanted = names.map((name) => name.toLowerCase());
  const surplus = issue.labels.filter((label) => !wanted.includes(label.toLowerCase()));
  let changed = false;
  for (const name of surplus) changed = (await removeLabel(world, call, issue, name)) || changed;
  for (const name of names) changed = (await addLabel(world, call, issue, name)) || changed;
  return changed;
}

/** Label names from GitHub's several spellings: strings, or objects with a name. */
export function labelNames(value: Json | undefined): string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item) => (isObject(item) ? (text(item["name"]) ?? []) : (text(item) ?? [])));
}

async function emitLabel(
  world: World,
  call: RepositoryCall,
  input: { issue: Issue; name: string; action: string },
): Promise<void> {
  const { repository } = call;
  touch(world, input.issue);
  const label = must(labelByName(repository, input.name), `label ${input.name}`);
  const facts = { label: labelFacts(world, repository, label) };
  await emitThread(world, { ...input, repository, sender: accountOf(call.actor), facts });
}
