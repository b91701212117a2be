import type { InlineCode, Text } from "mdast";

/** Every tag that GitHub would obey or hide; other words in angle brackets are meant to be read, as in `List<String>`. */
const known = new Set(
  (
    "a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption center cite code col colgroup data " +
    "datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 " +
    "head header hgroup hr html i iframe img input ins kbd label legend li link main map mark marquee math menu meta meter nav noembed " +
    "noframes noscript object ol optgroup option output p param picture plaintext pre progress q rp rt ruby s samp script search section " +
    "select slot small source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr " +
    "track tt u ul var video wbr xmp"
  ).split(" "),
);

const token =
  /<!--[\s\S]*?(?:-->|$(?![\s\S]))|<\?[\s\S]*?(?:\?>|$(?![\s\S]))|<![\s\S]*?(?:>|$(?![\s\S]))|<\/?([A-Za-z][A-Za-z0-9-]*)(?:[^>"']|"[^"]*"|'[^']*')*>?/g;

const breaking = /^<\/?(?:br|p|div|li|tr|h[1-6]|details|summary|hr)\b/i;

/** The words in a piece of HTML: comments and known tags go, tags that nobody knows are shown as code. */
export function htmlToText(html: string): (Text | InlineCode)[] {
  const nodes: (Text | InlineCode)[] = [];
  let end = 0;
  const say = (value: string): void => {
    if (value !== "") nodes.push({ type: "text", value });
  };
  for (const match of html.matchAll(token)) {
    say(html.slice(end, match.index));
    end = match.index + match[0].length;
    const name = match[1]?.toLowerCase();
    if (name !== undefined && !known.has(name))
      nodes.push({ type: "inlineCode", value: match[0].replaceAll(/\s+/g, " ") });
    else if (breaking.test(match[0])) say(" ");
  }
  say(html.slice(end));
  return nodes;
}
