import type { Deps } from "../deps.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { Task } from "./task-store.ts";
import { threadPermissions } from "./thread-permissions.ts";

/** Lets `use` write to a task's thread, with a token for that alone; it is given back afterwards. Rejects as `openRepository` does. */
export async function withThread<T>(
  { github }: Pick<Deps, "github">,
  task: Pick<Task, "installationId" | "repositoryId" | "context">,
  use: (client: RepositoryClient) => Promise<T>,
): Promise<T> {
  const { installationId, repositoryId } = task;
  const client = await github.openRepository({
    ...{ installationId, repositoryId },
    permissions: threadPermissions(task),
  });
  try {
    return await use(client);
  } finally {
    await client.revoke();
  }
}
