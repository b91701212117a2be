import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import ts from "typescript";
import { readRoute } from "./read-route.ts";
import { openShaper } from "./shape-of-type.ts";
import { sliceEvents, sliceObjects, sliceOperations } from "./slice-operations.ts";
import type { Shape, Slice, SliceOperation } from "./slice-shape.ts";

/** Reads the operations of the stand-in out of the declarations (types) and the code (routes) of the installed `stripe`. */
export function makeSlice(): Slice {
  const entry = createRequire(import.meta.url).resolve("stripe");
  const root = dirname(entry);
  const resources = join(root, "resources");
  const files = Object.keys(sliceOperations).map((name) => join(resources, `${name}.d.ts`));
  const eventFile = join(resources, "V2/Core/Events.d.ts");
  const program = ts.createProgram([...files, join(root, "stripe.core.d.ts"), eventFile], {
    strict: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
  // The checker binds the files, without which no node knows its parent.
  const checker = program.getTypeChecker();
  const methods = Object.entries(sliceOperations).flatMap(([name, wanted]) =>
    wanted.map((method) => ({ name, method, node: findMethod(program, resources, name, method) })),
  );
  const answered = methods.map(({ node }) => answerOf(program, node));
  const single = answered.flatMap(({ type }) => typesOf(type).map(({ symbol }) => symbol.name));
  const roots = new Set([...single, ...sliceObjects]);
  const shaper = openShaper(checker, roots);
  const operations = methods.map(({ name, method, node }, index): SliceOperation => {
    const className = node.parent.name?.text ?? "";
    const code = readFileSync(join(resources, `${name}.js`), "utf8");
    const answer = answered[index];
    if (answer === undefined) throw new Error(`Expected an answer of ${name}.${method}, got none.`);
    return {
      name: `${name}.${method}`,
      ...readRoute(code, className, method),
      params: paramsOf(program, node, (type) => shaper.shapeOf(type)),
      // An event is one of some hundred declarations; events are judged where they are made.
      answer: {
        kind: answer.kind,
        of: typesOf(answer.type).length === 0 ? "any" : shaper.shapeOf(answer.type),
      },
    };
  });
  for (const name of sliceEvents) shaper.define(findInterface(program, name));
  for (const name of sliceObjects) shaper.define(findInterface(program, name));
  const { version } = JSON.parse(readFileSync(join(root, "..", "package.json"), "utf8")) as {
    version: string;
  };
  return {
    source: `Declarations of the npm package stripe ${version}, MIT licence, Copyright (c) Stripe, Inc.`,
    apiVersion: readVersion(readFileSync(join(root, "apiVersion.js"), "utf8")),
    operations,
    definitions: Object.fromEntries(
      [...shaper.definitions].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
    ),
  };
}

type Method = ts.MethodDeclaration & { parent: ts.ClassDeclaration };

function findMethod(program: ts.Program, resources: string, name: string, method: string): Method {
  const source = program.getSourceFile(join(resources, `${name}.d.ts`));
  for (const statement of source?.statements ?? []) {
    if (!ts.isClassDeclaration(statement)) continue;
    const member = statement.members.find(
      (one): one is Method => ts.isMethodDeclaration(one) && one.name.getText() === method,
    );
    if (member !== undefined) return member;
  }
  throw new Error(`Expected ${name}.${method} in the installed stripe, found none.`);
}

function findInterface(program: ts.Program, name: string): ts.Type {
  for (const source of program.getSourceFiles()) {
    if (!source.fileName.includes("/stripe/")) continue;
    for (const statement of source.statements) {
      if (ts.isInterfaceDeclaration(statement) && statement.name.text === name) {
        return program.getTypeChecker().getTypeAtLocation(statement);
      }
    }
  }
  throw new Error(`Expected the interface ${name} in the installed stripe, found none.`);
}

/** The parameter is called `params`; what only the path carries has none. */
function paramsOf(program: ts.Program, node: Method, shapeOf: (type: ts.Type) => Shape): Shape {
  const params = node.parameters.find((one) => one.name.getText() === "params");
  if (params?.type === undefined) return { fields: {} };
  return shapeOf(program.getTypeChecker().getTypeFromTypeNode(params.type));
}

/** Answers are declared as `Promise<Response<X>>` or as a list promise of X. */
function answerOf(program: ts.Program, node: Method): { kind: "one" | "list"; type: ts.Type } {
  let type = node.type;
  let kind: "one" | "list" = "one";
  while (type !== undefined && ts.isTypeReferenceNode(type) && type.typeArguments?.length === 1) {
    if (type.typeName.getText().includes("List")) kind = "list";
    type = type.typeArguments[0];
  }
  if (type === undefined) throw new Error(`Expected ${node.name.getText()} to declare its answer.`);
  return { kind, type: program.getTypeChecker().getTypeFromTypeNode(type) };
}

function typesOf(type: ts.Type): readonly ts.Type[] {
  if (!type.isUnion()) return [type];
  return type.types.length > 5 ? [] : type.types;
}

function readVersion(code: string): string {
  const version = /ApiVersion = '([^']+)'/.exec(code)?.[1];
  if (version === undefined) throw new Error("Expected the API version in apiVersion.js, found none.");
  return version;
}
