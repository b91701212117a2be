import { serverChain } from "../../db/audit-chain.ts";
import { recordAudit } from "../../db/audit.ts";
import type { Deps } from "../deps.ts";
import type { MintedToken } from "../github/octokit.ts";
import { findAccountOfInstallation } from "./tenant-store.ts";

/** Notes what a token that was just minted may do, before anybody uses it; never the token. */
export async function recordMinted(deps: Pick<Deps, "system">, minted: MintedToken): Promise<void> {
  const { installationId, repositoryId, permissions } = minted;
  const accountId = await findAccountOfInstallation(deps.system, installationId);
  const scope = Object.entries(permissions).map(([name, level]) => `${name}:${level}`);
  await recordAudit(deps.system, {
    ...{ accountId: accountId ?? serverChain, act: "token-minted", actor: "server" },
    data: { installation: installationId, repository: repositoryId, scope: scope.toSorted() },
  });
}
