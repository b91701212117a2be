import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));

export type RequestedPermission = { file: string; name: string; level: string };

/** Every permission that a call of openRepository in src asks for, read from the source; each must be spelt out there. */
export function readRequestedPermissions(): RequestedPermission[] {
  return globSync("src/**/*.ts", { cwd: root }).flatMap((file) => {
    const source = ts.createSourceFile(
      file,
      readFileSync(join(root, file), "utf8"),
      ts.ScriptTarget.Latest,
      true,
    );
    return callsOf(source, "openRepository").flatMap((call) =>
      readPermissions(call).map(([name, level]) => ({ file, name, level })),
    );
  });
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
  if (permissions === undefined || !ts.isObjectLiteralExpression(permissions)) throw notSpeltOut(call);
  return permissions.properties.map((property) => {
    if (
      !ts.isPropertyAssignment(property) ||
      !ts.isIdentifier(property.name) ||
      !ts.isStringLiteral(property.initializer)
    ) {
      throw notSpeltOut(call);
    }
    return [property.name.text, property.initializer.text];
  });
}

function propertyOf(node: ts.Node | undefined, name: string): ts.Expression | undefined {
  if (node === undefined || !ts.isObjectLiteralExpression(node)) return undefined;
  for (const property of node.properties) {
    if (ts.isPropertyAssignment(property) && property.name.getText() === name) return property.initializer;
  }
  return undefined;
}

function notSpeltOut(call: ts.CallExpression): Error {
  const file = call.getSourceFile().fileName;
  return new Error(
    `${file}: expected openRepository({ …, permissions: { name: "level" } }) with literals, got ${call.getText()}`,
  );
}
