import { z } from "zod";

/** What a repository says about itself; every key has a value, its own or the default. */
export type RepoSettings = {
  /** Shell commands that make a fresh checkout ready for work, in their order. */
  setup: readonly string[];
  /** For all of them together. */
  setupTimeoutMs: number;
};

const maxCommands = 20;
const maxCommandLength = 8_000;

const command = z
  .string()
  .max(maxCommandLength)
  // An argument of a process ends at a NUL.
  .refine((text) => text.trim() !== "" && !text.includes("\0"));

/**
 * The file as it is written. A key's description completes the sentence "expected …", in messages and in
 * docs/repository-settings.md; a key that is an object of its own is a z.strictObject.
 */
export const repoSettingsFile = z.strictObject({
  setup: z
    .preprocess((given) => (typeof given === "string" ? [given] : given), z.array(command).max(maxCommands))
    .default([])
    .describe(
      `a shell command, or a list of at most ${maxCommands}, each of at most ${maxCommandLength} characters`,
    ),
  setup_timeout_minutes: z.number().positive().max(30).default(10).describe("a number of minutes up to 30"),
});

/** The file's keys as the program knows them. */
export function toRepoSettings(file: z.infer<typeof repoSettingsFile>): RepoSettings {
  return { setup: file.setup, setupTimeoutMs: Math.round(file.setup_timeout_minutes * 60_000) };
}
