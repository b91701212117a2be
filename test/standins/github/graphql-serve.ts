import { execute, parse, validate, GraphQLError } from "graphql";
import type { DocumentNode, FormattedExecutionResult } from "graphql";
import { authenticate } from "./auth.ts";
import { accountOf } from "./call.ts";
import { accountNode } from "./graphql-accounts.ts";
import { maySee } from "./graphql-access.ts";
import type { GraphqlCall } from "./graphql-access.ts";
import { GraphqlRefusal, UnmodelledMember } from "./graphql-error.ts";
import { field, resolveField, resolveType } from "./graphql-field.ts";
import { findNode, nodeOf } from "./graphql-find.ts";
import { mutations } from "./graphql-mutations.ts";
import { repositoryNode } from "./graphql-pulls.ts";
import { graphqlSchema } from "./graphql-schema.ts";
import { HttpError } from "./http-error.ts";
import { isObject, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { Actor } from "./state.ts";
import { repositoryByFormerName, repositoryByName } from "./world.ts";
import type { World } from "./world.ts";

export type GraphqlAnswer = { status: number; body: unknown; actor: Actor };

/** `graphql/` and the first field a document asks for, as faults and requests name it; `graphql` for one that is none. */
export function graphqlOperation(body: Buffer): string {
  const query = /"query"\s*:/.test(body.toString()) ? parsedQuery(body) : undefined;
  const definition = query?.definitions.find(({ kind }) => kind === "OperationDefinition");
  const first =
    definition?.kind === "OperationDefinition" ? definition.selectionSet.selections[0] : undefined;
  return first?.kind === "Field" ? `graphql/${first.name.value}` : "graphql";
}

function parsedQuery(body: Buffer): DocumentNode | undefined {
  try {
    return parse(readRequest(body).query);
  } catch (error) {
    if (error instanceof HttpError || error instanceof GraphQLError) return undefined;
    throw error;
  }
}

type GraphqlRequest = { query: string; variables: JsonObject; operationName: string | undefined };

function readRequest(body: Buffer): GraphqlRequest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new HttpError(400, "Problems parsing JSON");
  }
  const query = isObject(parsed) ? text(parsed["query"]) : undefined;
  if (!isObject(parsed) || query === undefined)
    throw new HttpError(400, "A query attribute must be specified and must be a string.");
  const { variables, operationName } = parsed;
  return { query, variables: isObject(variables) ? variables : {}, operationName: text(operationName) };
}

/** Answers one GraphQL request: what does not fit GitHub's schema, or is not modelled, is a violation. */
export async function serveGraphql(
  world: World,
  input: { headers: { authorization?: string | undefined; "user-agent"?: string | undefined }; body: Buffer },
): Promise<GraphqlAnswer> {
  let actor: Actor = { kind: "anonymous" };
  try {
    if (input.headers["user-agent"] === undefined)
      throw new HttpError(403, "Request forbidden by administrative rules.");
    actor = authenticate(world, input.headers.authorization);
    if (actor.kind === "anonymous")
      throw new HttpError(401, "This endpoint requires you to be authenticated.");
    if (actor.kind === "app" || actor.kind === "client") throw new HttpError(401, "Bad credentials");
    return { actor, ...(await run({ world, actor }, readRequest(input.body))) };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { status: error.status, body: error.body, actor };
  }
}

async function run(call: GraphqlCall, request: GraphqlRequest): Promise<{ status: number; body: unknown }> {
  const { world } = call;
  const schema = graphqlSchema();
  const document = readDocument(world, request.query);
  if (!("definitions" in document)) return document;
  const errors = validate(schema, document);
  if (errors.length > 0) return refuse(world, errors);
  const result = await execute({
    schema,
    document,
    rootValue: rootOf(call),
    variableValues: request.variables,
    ...(request.operationName === undefined ? {} : { operationName: request.operationName }),
    fieldResolver: resolveField,
    typeResolver: resolveType,
  });
  // Without data nothing ran: a variable is missing or does not fit.
  if (!("data" in result)) return refuse(world, result.errors ?? []);
  return answerOf(world, result);
}

function readDocument(world: World, query: string): DocumentNode | { status: number; body: unknown } {
  try {
    return parse(query);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    return refuse(world, [error]);
  }
}

function refuse(world: World, errors: readonly GraphQLError[]): { status: number; body: unknown } {
  world.violations.push(...errors.map(({ message }) => `invalid GraphQL: ${message}`));
  const told = errors.map(({ message, locations }) => ({ path: ["query"], locations, message }));
  return { status: 200, body: { errors: told } };
}

function answerOf(
  world: World,
  result: { data?: FormattedExecutionResult["data"]; errors?: readonly GraphQLError[] },
): { status: number; body: unknown } {
  const { data, errors = [] } = result;
  const unmodelled: string[] = [];
  const told = errors.map((error) => {
    const { cause, path, locations, message } = error;
    if (cause instanceof GraphqlRefusal) return { type: cause.type, path, locations, message };
    if (cause instanceof UnmodelledMember) unmodelled.push(message);
    else world.violations.push(`stand-in bug: GraphQL: ${cause instanceof Error ? cause.stack : message}`);
    return { path, locations, message };
  });
  if (unmodelled.length > 0) {
    world.violations.push(...unmodelled.map((name) => `unmodelled GraphQL: ${name}`));
    const message = `The GitHub stand-in does not model ${unmodelled.join(", ")} of GraphQL.`;
    return { status: 501, body: { message } };
  }
  return { status: 200, body: told.length === 0 ? { data } : { data, errors: told } };
}

function rootOf(call: GraphqlCall): Record<string, unknown> {
  const { world, actor } = call;
  return {
    ...mutations(call),
    viewer: field(() => {
      const account = accountOf(actor);
      return { ...accountNode(world, account.id), __typename: "User", login: account.login };
    }),
    node: field((args) => nodeOf(call, findNode(call, text(args["id"]) ?? "")), ["id"]),
    repository: field(
      (args) => {
        const [owner, name] = [text(args["owner"]) ?? "", text(args["name"]) ?? ""];
        const follow = args["followRenames"] !== false;
        const found =
          repositoryByName(world, owner, name) ??
          (follow ? repositoryByFormerName(world, owner, name) : undefined);
        if (found !== undefined && maySee(call, found)) return repositoryNode(call, found);
        const message = `Could not resolve to a Repository with the name '${owner}/${name}'.`;
        throw new GraphqlRefusal("NOT_FOUND", message);
      },
      ["owner", "name", "followRenames"],
    ),
  };
}
