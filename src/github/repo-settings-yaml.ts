import { isMap, isNode, isScalar, Lexer, LineCounter, parseDocument, Parser, visit, type CST } from "yaml";

/** Something wrong in a file: what was expected and what came, in one sentence. */
export type SettingsProblem = { line: number; message: string };

export type SettingsYaml =
  | {
      ok: true;
      /** Plain data; null for a file without any. */
      value: unknown;
      /** Where a value stands, or the nearest one around it. */
      lineOf: (path: readonly PropertyKey[]) => number;
      /** Where a key of the mapping at this path stands. */
      lineOfKey: (path: readonly PropertyKey[], key: string) => number;
    }
  | { ok: false; problems: SettingsProblem[] };

/** A thousand short lines; the parser takes time with the square of them. */
const maxLexemes = 5_000;

/** Settings nest three or four deep; the parser descends by recursion and can take the whole process down with it. */
const maxDepth = 16;

/** Reads one YAML document without aliases and tags. Whatever the text, it answers, and within some tens of milliseconds. */
export function readSettingsYaml(text: string): SettingsYaml {
  const lines = new LineCounter();
  const lineAt = (offset: number | undefined): number => Math.max(1, lines.linePos(offset ?? 0).line);
  const tooMuch = findTooMuch(text);
  if (tooMuch !== null) return { ok: false, problems: [{ line: 1, message: tooMuch }] };
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    logLevel: "error",
  });
  const problems = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    line: lineAt(pos[0]),
    message: `expected YAML, got: ${(message.split("\n", 1)[0] ?? "").slice(0, 200)}`,
  }));
  visit(document, {
    Alias: (_key, { range, source }) => {
      const message = `expected values as they are, got the alias *${source.slice(0, 60)}; write its value out`;
      problems.push({ line: lineAt(range?.[0]), message });
    },
  });
  if (problems.length > 0) return { ok: false, problems };
  const startOf = (node: unknown) => (isNode(node) ? node.range?.[0] : undefined);
  const lineOf = (path: readonly PropertyKey[]): number => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    if (path.length === 0 || startOf(node) !== undefined) return lineAt(startOf(node));
    return lineOf(path.slice(0, -1));
  };
  return {
    ok: true,
    value: document.toJS({ maxAliasCount: 0 }) as unknown,
    lineOf,
    lineOfKey(path, key) {
      const map = path.length === 0 ? document.contents : document.getIn(path, true);
      const pairs = isMap(map) ? map.items : [];
      const pair = pairs.find((each) => isScalar(each.key) && String(each.key.value) === key);
      return pair === undefined ? lineOf(path) : lineAt(startOf(pair.key));
    },
  };
}

/** What makes a text more than the parser should be given; null when nothing does. */
function findTooMuch(text: string): string | null {
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += lexeme === "" ? 0 : 1;
    if (lexemes > maxLexemes)
      return `expected settings of at most ${maxLexemes} words and signs, got more; shorten the file`;
  }
  const open: { token: CST.Token; depth: number }[] = [];
  for (const token of new Parser().parse(text)) open.push({ token, depth: 0 });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.depth > maxDepth) return `expected settings at most ${maxDepth} levels deep, got more`;
    for (const token of childrenOf(next.token)) open.push({ token, depth: next.depth + 1 });
  }
  return null;
}

function childrenOf(token: CST.Token): CST.Token[] {
  if (token.type === "document") return token.value === undefined ? [] : [token.value];
  if (!("items" in token)) return [];
  return token.items.flatMap((item) => [item.key ?? [], item.value ?? []].flat());
}
