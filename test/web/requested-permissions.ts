import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));

export type RequestedPermission = { file: string; name: string; level: string };

/** Every permission that a call of openRepository in src asks for, read from the source; each must be spelt out there. */
export function readRequestedPermissions(): RequestedPermission[] {
  return globSync("src/**/*.ts", { cwd: root }).flatMap((file) => {
    return callsOf(parse(file), "openRepository").flatMap((call) =>
      readPermissions(call).map(([name, level]) => ({ file, name, level })),
    );
  });
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.Latest, true);
}

function callsOf(source: ts.SourceFile, name: string): ts.CallExpression[] {
  const found: ts.CallExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      node.expression.name.text === name
    ) {
      found.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function readPermissions(call: ts.CallExpression): [string, string][] {
  const permissions = propertyOf(call.arguments[0], "permissions");
  return permissions === undefined ? refuse(call) : readLevels(permissions, call);
}

/** What stands in literals: one, one that is spread into another, or what threadPermissions answers for any thread. */
function readLevels(permissions: ts.Expression, call: ts.CallExpression): [string, string][] {
  if (isThreadPermissions(permissions)) return threadLevels();
  if (!ts.isObjectLiteralExpression(permissions)) return refuse(call);
  return permissions.properties.flatMap((property) => {
    if (ts.isSpreadAssignment(property)) return readLevels(property.expression, call);
    if (
      !ts.isPropertyAssignment(property) ||
      !ts.isIdentifier(property.name) ||
      !ts.isStringLiteral(property.initializer)
    ) {
      return refuse(call);
    }
    const level: [string, string] = [property.name.text, property.initializer.text];
    return [level];
  });
}

const isThreadPermissions = (node: ts.Expression): boolean =>
  ts.isCallExpression(node) && node.expression.getText() === "threadPermissions";

/** Every branch of src/tasks/thread-permissions.ts. */
function threadLevels(): [string, string][] {
  const file = "src/tasks/thread-permissions.ts";
  const found: [string, string][] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && ts.isStringLiteral(node.initializer)) {
      found.push([node.name.text, node.initializer.text]);
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  if (found.length === 0) throw new Error(`${file}: expected threadPermissions to answer literals, got none`);
  return found;
}

function propertyOf(node: ts.Node | undefined, name: string): ts.Expression | undefined {
  if (node === undefined || !ts.isObjectLiteralExpression(node)) return undefined;
  for (const property of node.properties) {
    if (ts.isPropertyAssignment(property) && property.name.getText() === name) return property.initializer;
  }
  return undefined;
}

function refuse(call: ts.CallExpression): never {
  const file = call.getSourceFile().fileName;
  throw new Error(
    `${file}: expected openRepository({ …, permissions: { name: "level" } }) with literals, got ${call.getText()}`,
  );
}
