import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { open, readFile, realpath, rename, rm } from "node:fs/promises";
import { parseEnv } from "node:util";
import { UserError, toError } from "../errors.ts";

/**
 * The environment together with the settings file: what the environment says wins, an empty variable says nothing.
 * Reading it again later sees what has been written meanwhile.
 */
export function readSettings(path: string, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  if (!existsSync(path)) return given;
  try {
    return { ...parseEnv(readFileSync(path, "utf8")), ...given };
  } catch (cause) {
    throw new UserError(
      "settings-unreadable",
      `Expected to read the settings in ${path}, got: ${toError(cause).message}.`,
      "Run the command as the bot's user, who owns the file.",
      { cause },
    );
  }
}

/** Which variables belong to a GitHub App; one that is set already is never overwritten. */
const appVariables = ["APP_ID", "PRIVATE_KEY", "PRIVATE_KEY_PATH", "WEBHOOK_SECRET"];

/**
 * Writes variables into the settings file, beside what is in it: in one move, readable by its owner only. Throws a
 * UserError when the file holds an App already, or cannot be written.
 */
export async function saveSettings(path: string, values: Readonly<Record<string, string>>): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const before = await readOrEmpty(target);
  const held = parseEnv(before);
  const taken = appVariables.filter((name) => (held[name] ?? "") !== "");
  if (taken.length > 0) {
    throw new UserError(
      "app-already-saved",
      `Expected ${path} to hold no GitHub App yet, found ${taken.join(", ")} in it.`,
      "Start the bot again to use that App, or take those lines out to make another one.",
    );
  }
  const after = merge(before, values);
  const read = parseEnv(after);
  const wrong = Object.entries({ ...held, ...values }).filter(([name, value]) => read[name] !== value);
  if (wrong.length > 0) {
    throw new UserError(
      "settings-unmergeable",
      `${wrong.map(([name]) => name).join(", ")} could not be written into ${path} without changing what it means.`,
      "Move the file aside, so that a new one is made, and put your other lines back afterwards.",
    );
  }
  await replaceFile(target, after);
}

/** Lines of the same name are replaced where they stand, the rest is appended. */
function merge(text: string, values: Readonly<Record<string, string>>): string {
  const left = new Map(Object.entries(values));
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const name = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1];
    if (name === undefined || values[name] === undefined) return [line];
    const value = left.get(name);
    left.delete(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  while (lines.at(-1)?.trim() === "") lines.pop();
  const added = [...left].map(([name, value]) => `${name}=${value}`);
  const gap = lines.length > 0 && added.length > 0 ? [""] : [];
  return `${[...lines, ...gap, ...added].join("\n")}\n`;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw unwritable(path, error);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw unwritable(path, error);
  }
}

function unwritable(path: string, thrown: unknown): UserError {
  return new UserError(
    "settings-unwritable",
    `${path} could not be written: ${toError(thrown).message}.`,
    "Let the bot's user read and write the file and its folder. A file that is mounted into a container by itself cannot be replaced: mount its folder.",
    { cause: thrown },
  );
}
