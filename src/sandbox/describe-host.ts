import { chmod, lstat, mkdir, readlink, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BwrapHost } from "./bwrap-args.ts";

/** What a usual program expects in /etc. Nothing private: a bot that runs as root lends the agent root's read access. */
const wantedEtc = [
  "/etc/alternatives",
  "/etc/ca-certificates.conf",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/protocols",
  "/etc/services",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
  "/etc/pki/ca-trust/extracted",
  "/etc/pki/tls/certs",
  "/etc/crypto-policies/back-ends",
];

const ownEtc = {
  passwd: "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n",
  group: "root:x:0:\nagent:x:1000:\n",
  hosts: "127.0.0.1 localhost sandbox\n::1 localhost\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
} as const;

/** Looks at the host once and writes the few /etc files of our own into `directory`. */
export async function describeHost(
  directory: string,
  binaries: readonly { host: string; inside: string }[],
): Promise<BwrapHost> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const ownFiles = [];
  for (const [name, content] of Object.entries(ownEtc)) {
    const path = join(directory, name);
    // Moved into place: another worker may be mounting the file at this moment.
    const draft = `${path}.${process.pid}`;
    await writeFile(draft, content);
    await chmod(draft, 0o644);
    await rename(draft, path);
    ownFiles.push({ host: path, inside: `/etc/${name}` });
  }
  const etcPaths = [];
  for (const path of wantedEtc) if ((await lstatOrNull(path)) !== null) etcPaths.push(path);
  return { systemFolders: await systemFolders(), etcPaths, ownFiles, binaries };
}

async function systemFolders(): Promise<BwrapHost["systemFolders"]> {
  const found = [];
  for (const path of ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]) {
    const stat = await lstatOrNull(path);
    if (stat === null) continue;
    found.push({ path, linkTarget: stat.isSymbolicLink() ? await readlink(path) : null });
  }
  return found;
}

async function lstatOrNull(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) {
      return null;
    }
    throw error;
  }
}
