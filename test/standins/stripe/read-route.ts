import ts from "typescript";

/** Finds which request a method of an SDK class makes: the first two arguments of its `_makeRequest`. */
export function readRoute(code: string, className: string, method: string): { method: string; path: string } {
  const source = ts.createSourceFile("resource.js", code, ts.ScriptTarget.ES2022, true);
  const owner = source.statements.find(
    (one): one is ts.ClassDeclaration => ts.isClassDeclaration(one) && one.name?.text === className,
  );
  const member = owner?.members.find(
    (one) => ts.isMethodDeclaration(one) && one.name.getText(source) === method,
  );
  const call = member === undefined ? undefined : findCall(member);
  const [verb, path] = call?.arguments ?? [];
  if (verb === undefined || !ts.isStringLiteral(verb) || path === undefined) {
    throw new Error(`Expected ${className}.${method} to make one request, found none.`);
  }
  return { method: verb.text, path: pathOf(path) };
}

function findCall(node: ts.Node): ts.CallExpression | undefined {
  if (ts.isCallExpression(node) && node.expression.getText().endsWith("._makeRequest")) return node;
  return ts.forEachChild(node, findCall);
}

function pathOf(node: ts.Expression): string {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!ts.isTemplateExpression(node)) throw new Error(`Expected a path, got ${node.getText()}.`);
  const parts = node.templateSpans.map((span) => {
    const name = /\((\w+)\)$/.exec(span.expression.getText())?.[1];
    if (name === undefined)
      throw new Error(`Expected an encoded parameter, got ${span.expression.getText()}.`);
    return `{${name}}${span.literal.text}`;
  });
  return node.head.text + parts.join("");
}
