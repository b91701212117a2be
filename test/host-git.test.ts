import { createHash } from "node:crypto";
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { runHostGit } from "../src/host-git.ts";
import { gitRepository } from "./support/git-repository.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

const call = { protocol: "none", timeoutMs: 20_000 } as const;

test("settings of a repository, of the home and of our own environment do not decide", async () => {
  const repository = await gitRepository();
  const ran = join(await temporaryFolder(), "ran");
  const evil = join(repository.path, "evil.sh");
  await writeFile(evil, `#!/bin/sh\ntouch ${ran}\n`);
  await chmod(evil, 0o755);
  await mkdir(join(repository.path, ".git/hooks"), { recursive: true });
  await writeFile(join(repository.path, ".git/hooks/reference-transaction"), `#!/bin/sh\ntouch ${ran}\n`);
  await chmod(join(repository.path, ".git/hooks/reference-transaction"), 0o755);
  repository.git("config", "core.fsmonitor", evil);
  const refs = await runHostGit({
    ...call,
    cwd: repository.path,
    args: ["update-ref", "refs/heads/x", "HEAD"],
  });
  const hooks = await runHostGit({ ...call, cwd: repository.path, args: ["config", "core.hooksPath"] });
  const env = await runHostGit({ ...call, cwd: repository.path, args: ["-c", "alias.e=!env", "e"] });
  expect(refs.exitCode).toBe(0);
  expect(hooks.stdout.toString()).toBe("/dev/null\n");
  expect(env.stdout.toString()).toContain("HOME=/nonexistent");
  expect(env.stdout.toString()).not.toContain("VITEST");
  await expect(access(ran)).rejects.toMatchObject({ code: "ENOENT" });
});

test("only the named transport is allowed", async () => {
  const repository = await gitRepository();
  const cwd = await temporaryFolder();
  const list = (protocol: "none" | "file" | "https") =>
    runHostGit({ ...call, cwd, protocol, args: ["ls-remote", `file://${repository.path}`] });
  expect((await list("file")).exitCode).toBe(0);
  for (const protocol of ["none", "https"] as const) {
    const refused = await list(protocol);
    expect(refused).toMatchObject({ exitCode: 128 });
    expect(refused.stderr).toContain("transport 'file' not allowed");
  }
});

test("a non-zero exit is a value", async () => {
  const result = await runHostGit({
    ...call,
    cwd: await temporaryFolder(),
    args: ["rev-parse", "--verify", "x"],
  });
  expect(result).toMatchObject({ exitCode: 128, stopped: null });
});

test("input comes from text, bytes or a stream; a stream that breaks is told", async () => {
  const cwd = (await gitRepository()).path;
  const hash = async (stdin: string | Uint8Array | Readable) =>
    (await runHostGit({ ...call, cwd, stdin, args: ["hash-object", "--stdin"] })).stdout.toString().trim();
  const expected = createHash("sha1").update("blob 11\0hello world").digest("hex");
  expect(await hash("hello world")).toBe(expected);
  expect(await hash(Buffer.from("hello world"))).toBe(expected);
  expect(await hash(Readable.from(["hello ", "world"]))).toBe(expected);
  const broken = new Readable({
    read() {
      this.destroy(new Error("disk gone"));
    },
  });
  await expect(hash(broken)).rejects.toThrow("disk gone");
});

test("time, output and an abort end it with everything it started", async () => {
  const cwd = (await gitRepository()).path;
  const slow = ["-c", "alias.w=!sleep 600 & wait", "w"];
  expect(await runHostGit({ ...call, cwd, args: slow, timeoutMs: 200 })).toMatchObject({
    stopped: "timeout",
  });
  const loud = ["-c", "alias.y=!yes", "y"];
  const much = await runHostGit({ ...call, cwd, args: loud, maxStdoutBytes: 100_000 });
  expect(much).toMatchObject({ stopped: "output" });
  expect(much.stdout.length).toBeLessThanOrEqual(100_000);
  const stop = new AbortController();
  const running = runHostGit({ ...call, cwd, args: slow, signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
});
