import { addAccount, addApp } from "./apps.ts";
import { fullName, must, accountById, accountByLogin, ownerOf, repositoryNamed } from "./world.ts";
import type { World } from "./world.ts";
import {
  acceptPermissions,
  addInstallation,
  removeInstallation,
  setInstalledRepositories,
  setSuspended,
} from "./installations.ts";
import { actAs } from "./people.ts";
import type { Person } from "./people.ts";
import type { Files } from "./git-write.ts";
import { addCommit, addRepository } from "./repositories.ts";
import {
  announceRepository,
  archiveRepository,
  deleteRepository,
  renameRepository,
  setDefaultBranch,
  setVisibility,
  transferRepository,
} from "./repository-changes.ts";
import type { Account, App, Installation, Permissions, Repository, Role } from "./state.ts";

export type AccountView = { id: number; login: string };
export type AppView = {
  id: number;
  slug: string;
  clientId: string;
  clientSecret: string;
  /** PEM, PKCS#1 as GitHub gives it. */
  privateKey: string;
  webhookSecret: string;
  botUserId: number;
  botLogin: string;
};
export type RepositoryView = { id: number; fullName: string; cloneUrl: string; directory: string };
export type InstallationView = { id: number; appId: number; accountId: number };

type AppOptions = {
  name: string;
  /** The first account when absent. */
  owner?: string;
  permissions: Permissions;
  events: string[];
  webhookUrl?: string;
  webhookSecret?: string;
};
type RepositoryOptions = {
  owner: string;
  name: string;
  private?: boolean;
  defaultBranch?: string;
  files?: Files;
  empty?: boolean;
};
type CommitOptions = {
  branch: string;
  /** Where a new branch starts; the default branch when absent. */
  from?: string;
  files: Files;
  message?: string;
  /** Who pushes; the owner when absent. */
  by?: string;
  author?: { name: string; email: string };
};
type InstallOptions = {
  app: { id: number };
  owner: string;
  repositories: "all" | string[];
  /** Where the owner has not (yet) accepted all that the App asks for. */
  permissions?: Permissions;
};

/** What tests and the demo set up without asking over HTTP. `repo` is `owner/name`. */
export type Makers = {
  createUser(login: string): AccountView;
  createOrganization(login: string, options?: { owners?: string[]; members?: string[] }): AccountView;
  /** Takes somebody into an organisation, out of it (null), or asks them to become an owner. */
  setMembership(organization: string, login: string, standing: "owner" | "member" | "invited" | null): void;
  createApp(input: AppOptions): Promise<AppView>;
  /** Where people may be sent back to after they signed in by the App. */
  setCallbackUrls(app: { id: number }, urls: string[]): void;
  /** Changes where an App's webhooks go, and the secret they are signed with. */
  setWebhook(app: { id: number }, input: { url?: string; secret?: string }): void;
  /** Everything about an App made by manifest. */
  app(id: number): AppView;
  createRepository(input: RepositoryOptions): Promise<RepositoryView>;
  /** A push by a person; gives the commit's id. */
  commit(repo: string, input: CommitOptions): Promise<string>;
  renameRepository(repo: string, name: string): void;
  transferRepository(repo: string, owner: string): void;
  deleteRepository(repo: string): void;
  setVisibility(repo: string, visibility: "public" | "private"): void;
  setDefaultBranch(repo: string, branch: string): void;
  archive(repo: string): void;
  setRole(repo: string, login: string, role: Role): void;
  /** Lets a team of the owner read it. */
  giveTeam(repo: string, slug: string): void;
  protectBranch(repo: string, branch: string): void;
  install(input: InstallOptions): InstallationView;
  acceptPermissions(installation: { id: number }, permissions: Permissions): void;
  setInstalledRepositories(installation: { id: number }, repositories: "all" | string[]): void;
  uninstall(installation: { id: number }): void;
  suspend(installation: { id: number }): void;
  unsuspend(installation: { id: number }): void;
  as(login: string): Person;
};

/** Opens the world for set-up. */
export function openMakers(world: World): Makers {
  return { ...accountMakers(world), ...repositoryMakers(world), ...installationMakers(world) };
}

function accountMakers(
  world: World,
): Pick<
  Makers,
  | "createUser"
  | "createOrganization"
  | "setMembership"
  | "createApp"
  | "setCallbackUrls"
  | "setWebhook"
  | "app"
  | "as"
> {
  const app = (id: number): App => must(world.apps.get(id), `app ${id}`);
  return {
    createUser: (login) => accountView(addAccount(world, { login, type: "User" })),
    createOrganization: (login, options) => {
      const organization = addAccount(world, { login, type: "Organization" });
      for (const name of options?.members ?? []) organization.members.set(account(world, name).id, "member");
      for (const name of options?.owners ?? []) organization.members.set(account(world, name).id, "owner");
      return accountView(organization);
    },
    setMembership: (name, login, standing) => {
      const { members, invited } = account(world, name);
      const { id } = account(world, login);
      members.delete(id);
      invited.delete(id);
      if (standing === "invited") invited.add(id);
      else if (standing !== null) members.set(id, standing);
    },
    setCallbackUrls: ({ id }, urls) => {
      app(id).callbackUrls = [...urls];
    },
    createApp: async (input) => {
      const people = [...world.accounts.values()].filter(({ type }) => type !== "Bot");
      const owner = input.owner === undefined ? must(people[0], "account yet") : account(world, input.owner);
      return appView(await addApp(world, { ...input, owner }));
    },
    setWebhook: ({ id }, input) => {
      Object.assign(app(id).hook, input);
    },
    app: (id) => appView(app(id)),
    as: (login) => actAs(world, account(world, login)),
  };
}

function repositoryMakers(
  world: World,
): Omit<Makers, keyof ReturnType<typeof accountMakers> | keyof ReturnType<typeof installationMakers>> {
  const at = (repo: string): { repository: Repository; by: Account } => {
    const repository = repositoryNamed(world, repo);
    return { repository, by: personFor(world, ownerOf(world, repository)) };
  };
  return {
    createRepository: async (input) => {
      const owner = account(world, input.owner);
      const repository = await addRepository(world, { ...input, owner });
      announceRepository(world, { repository, by: personFor(world, owner) });
      const name = fullName(world, repository);
      const { id, directory } = repository;
      return { id, fullName: name, cloneUrl: `${world.url}/${name}.git`, directory };
    },
    commit: async (repo, { by, ...input }) => {
      const repository = repositoryNamed(world, repo);
      const sender = by === undefined ? ownerOf(world, repository) : account(world, by);
      return await addCommit(world, repository, { ...input, by: sender });
    },
    renameRepository: (repo, name) => renameRepository(world, { ...at(repo), name }),
    transferRepository: (repo, owner) =>
      transferRepository(world, { ...at(repo), to: account(world, owner) }),
    deleteRepository: (repo) => deleteRepository(world, at(repo)),
    setVisibility: (repo, visibility) => setVisibility(world, { ...at(repo), visibility }),
    setDefaultBranch: (repo, branch) => setDefaultBranch(world, { ...at(repo), branch }),
    archive: (repo) => archiveRepository(world, at(repo)),
    setRole: (repo, login, role) => {
      const { roles } = repositoryNamed(world, repo);
      if (role === "none") roles.delete(account(world, login).id);
      else roles.set(account(world, login).id, role);
    },
    giveTeam: (repo, slug) => {
      repositoryNamed(world, repo).teams.set(slug, world.nextId("team"));
    },
    protectBranch: (repo, branch) => {
      repositoryNamed(world, repo).protectedBranches.add(branch);
    },
  };
}

function installationMakers(
  world: World,
): Pick<
  Makers,
  "install" | "acceptPermissions" | "setInstalledRepositories" | "uninstall" | "suspend" | "unsuspend"
> {
  const found = ({ id }: { id: number }): Installation =>
    must(world.installations.get(id), `installation ${id}`);
  const by = ({ accountId }: Installation): Account => personFor(world, accountById(world, accountId));
  return {
    install: ({ app, owner, repositories, permissions }) => {
      const target = account(world, owner);
      const installation = addInstallation(world, {
        app: must(world.apps.get(app.id), `app ${app.id}`),
        account: target,
        repositories: chosen(world, target, repositories),
        by: personFor(world, target),
        permissions,
      });
      const { id, appId, accountId } = installation;
      return { id, appId, accountId };
    },
    acceptPermissions: (target, permissions) => {
      acceptPermissions(world, found(target), { permissions, by: by(found(target)) });
    },
    setInstalledRepositories: (target, names) => {
      const installation = found(target);
      const repositories = chosen(world, accountById(world, installation.accountId), names);
      setInstalledRepositories(world, installation, { repositories, by: by(installation) });
    },
    uninstall: (target) => removeInstallation(world, found(target), by(found(target))),
    suspend: (target) => setSuspended(world, found(target), { suspended: true, by: by(found(target)) }),
    unsuspend: (target) => setSuspended(world, found(target), { suspended: false, by: by(found(target)) }),
  };
}

function account(world: World, login: string): Account {
  return must(accountByLogin(world, login), `account ${login}`);
}

/** Who does something for an account: the person, or the organisation's first owner. */
function personFor(world: World, target: Account): Account {
  const owner = [...target.members].find(([, standing]) => standing === "owner");
  return owner === undefined ? target : accountById(world, owner[0]);
}

function chosen(world: World, owner: Account, names: "all" | readonly string[]): "all" | Repository[] {
  if (names === "all") return names;
  return names.map((name) => repositoryNamed(world, name.includes("/") ? name : `${owner.login}/${name}`));
}

function accountView({ id, login }: Account): AccountView {
  return { id, login };
}

function appView(app: App): AppView {
  const { id, slug, clientId, clientSecret, privateKey, botUserId, hook } = app;
  const botLogin = `${slug}[bot]`;
  return { id, slug, clientId, clientSecret, privateKey, botUserId, botLogin, webhookSecret: hook.secret };
}
