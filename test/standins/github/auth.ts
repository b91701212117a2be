import { createVerify } from "node:crypto";
import { HttpError } from "./http-error.ts";
import { inWords, isObject } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { appOperations } from "./permissions.ts";
import type { Actor, App } from "./state.ts";
import { accountById, must } from "./world.ts";
import type { World } from "./world.ts";

const viaApp: ReadonlySet<string> = new Set(["users/get-authenticated", "orgs/get-membership-for-user"]);
const maxLifetimeS = 600;
const clockDriftS = 60;

/** Who calls the REST API, from the Authorization header; throws 401 for what opens nothing. */
export function authenticate(world: World, authorization: string | undefined): Actor {
  if (authorization === undefined) return { kind: "anonymous" };
  const [scheme = "", credential = ""] = authorization.split(/\s+/, 2);
  if (scheme.toLowerCase() === "basic") {
    const [name = "", password = ""] = Buffer.from(credential, "base64").toString().split(":");
    const app = [...world.apps.values()].find(({ clientId }) => clientId === name);
    if (app?.clientSecret === password) return { kind: "client", app };
    return actorOfToken(world, password);
  }
  if (!/^(bearer|token)$/i.test(scheme)) throw new HttpError(401, "Bad credentials");
  if (
    scheme.toLowerCase() === "bearer" &&
    !credential.startsWith("ghs_") &&
    /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential)
  ) {
    return { kind: "app", app: verifyJwt(world, credential) };
  }
  return actorOfToken(world, credential);
}

/** Who holds this token; throws 401 when it is unknown, expired or revoked, 403 when its installation is suspended. */
export function actorOfToken(world: World, value: string): Actor {
  const token = world.tokens.get(value);
  if (token === undefined) throw new HttpError(401, "Bad credentials");
  if (token.kind === "user") {
    const { via } = token;
    const user = accountById(world, token.userId);
    if (via === undefined) return { kind: "user", user };
    if (via.expiresAt <= world.now().getTime()) throw new HttpError(401, "Bad credentials");
    return { kind: "user", user, via: must(world.apps.get(via.appId), `app ${via.appId}`) };
  }
  if (token.expiresAt <= world.now().getTime()) throw new HttpError(401, "Bad credentials");
  const installation = world.installations.get(token.installationId);
  if (installation === undefined) throw new HttpError(401, "Bad credentials");
  if (installation.suspendedAt !== null) throw suspended();
  const app = must(world.apps.get(installation.appId), `app ${installation.appId}`);
  const bot = accountById(world, app.botUserId);
  const { permissions, repositoryIds } = token;
  return { kind: "installation", app, bot, installation, permissions, repositoryIds, token: value };
}

/** The refusal while an installation is suspended. */
export function suspended(): HttpError {
  return new HttpError(403, "This installation has been suspended");
}

/** Refuses an App's operation to anything but an App's JSON web token, and the reverse. */
export function requireKind(operationId: string, actor: Actor): void {
  if ((operationId === "apps/delete-token") !== (actor.kind === "client"))
    throw new HttpError(401, "Bad credentials");
  if (actor.kind === "user" && actor.via !== undefined && !viaApp.has(operationId))
    throw new Error(`The stand-in does not model ${operationId} with a token of an App's sign-in.`);
  const isAppOperation = appOperations.has(operationId);
  if (isAppOperation && actor.kind !== "app")
    throw new HttpError(401, "A JSON web token could not be decoded");
  const open = ["apps/get-by-slug", "apps/create-from-manifest", "rate-limit/get"].includes(operationId);
  if (!isAppOperation && actor.kind === "app" && !open) {
    throw new HttpError(401, "Bad credentials");
  }
}

function verifyJwt(world: World, jwt: string): App {
  const [header = "", payload = "", signature = ""] = jwt.split(".");
  const claims = decode(payload);
  const app = [...world.apps.values()].find(
    ({ id, clientId }) => inWords(claims["iss"]) === String(id) || claims["iss"] === clientId,
  );
  if (app === undefined) throw new HttpError(404, "Integration not found");
  if (decode(header)["alg"] !== "RS256") throw new HttpError(401, "A JSON web token could not be decoded");
  const verify = createVerify("RSA-SHA256").update(`${header}.${payload}`);
  if (!verify.verify(app.publicKey, Buffer.from(signature, "base64url"))) {
    throw new HttpError(401, "A JSON web token could not be decoded");
  }
  checkTimes(claims, world.now().getTime() / 1000);
  return app;
}

function checkTimes(claims: JsonObject, nowS: number): void {
  const { iat, exp } = claims;
  if (typeof exp !== "number" || exp <= nowS) {
    throw new HttpError(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > nowS + maxLifetimeS) {
    throw new HttpError(401, "'Expiration time' claim ('exp') is too far in the future");
  }
  if (typeof iat !== "number" || iat > nowS + clockDriftS) {
    throw new HttpError(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
}

function decode(part: string): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    if (isObject(value)) return value;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new HttpError(401, "A JSON web token could not be decoded");
}
