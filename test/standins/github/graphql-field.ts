import { isObjectType } from "graphql";
import type { GraphQLFieldResolver, GraphQLTypeResolver } from "graphql";
import { GraphqlRefusal, UnmodelledMember } from "./graphql-error.ts";
import { isObject } from "./json.ts";
import type { JsonObject } from "./json.ts";

/** A member that is worked out when asked for; `takes` names the arguments that are heeded. */
export type Field = { takes: readonly string[]; give: (args: JsonObject) => unknown };
/** An object of the schema as the stand-in models it; what it lacks is unmodelled. */
export type GraphqlNode = { __typename: string; [member: string]: unknown };

const fields = new WeakSet<object>();

/** Declares a member that takes these arguments (or none). */
export function field(give: Field["give"], takes: readonly string[] = []): Field {
  const made = { takes, give };
  fields.add(made);
  return made;
}

function isField(value: unknown): value is Field {
  return typeof value === "object" && value !== null && fields.has(value);
}

/** Gives the member of a node, or throws for one that is not modelled: never null for what nobody thought of. */
export const resolveField: GraphQLFieldResolver<unknown, unknown> = (source, args, _context, info) => {
  const name = `${info.parentType.name}.${info.fieldName}`;
  if (!isObject(source) || !Object.hasOwn(source, info.fieldName)) throw new UnmodelledMember(name);
  const value: unknown = source[info.fieldName];
  const takes = isField(value) ? value.takes : [];
  for (const [argument, given] of Object.entries(args as JsonObject)) {
    if (given !== undefined && given !== null && !takes.includes(argument))
      throw new UnmodelledMember(`${name}(${argument}:)`);
  }
  if (takes.includes("first") && takes.includes("last")) checkPaging(info.fieldName, args as JsonObject);
  return isField(value) ? value.give(args as JsonObject) : value;
};

/** Which object type a node of an interface is. */
export const resolveType: GraphQLTypeResolver<unknown, unknown> = (source, _context, info) => {
  const name = isObject(source) ? source["__typename"] : undefined;
  const type = typeof name === "string" ? info.schema.getType(name) : undefined;
  if (!isObjectType(type)) throw new Error(`Expected a node with __typename, got ${JSON.stringify(source)}.`);
  return type.name;
};

const maxRecords = 100;

function checkPaging(connection: string, args: JsonObject): void {
  const [first, last] = [args["first"] ?? null, args["last"] ?? null];
  if (first === null && last === null) {
    const message = `You must provide a \`first\` or \`last\` value to properly paginate the \`${connection}\` connection.`;
    throw new GraphqlRefusal("MISSING_PAGINATION_BOUNDARIES", message);
  }
  if (first !== null && last !== null) {
    const message = `Passing both \`first\` and \`last\` to paginate the \`${connection}\` connection is not supported.`;
    throw new GraphqlRefusal("ARGUMENT_LIMIT", message);
  }
  const [name, asked] = first === null ? ["last", Number(last)] : ["first", Number(first)];
  if (asked < 0 || asked > maxRecords) {
    const message = `Requesting ${asked} records on the \`${connection}\` connection exceeds the \`${name}\` limit of ${maxRecords} records.`;
    throw new GraphqlRefusal("EXCESSIVE_PAGINATION", message);
  }
}
