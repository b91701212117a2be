export type TextPiece = { text: string; live: boolean };

/** The rest of a link, without the punctuation of the sentence around it. */
const rest = String.raw`[^\s<>]{0,4000}[^\s<>.,;:!?'")\]]`;

/** Words that GitHub itself turns into something: a mention, a link, a reference into another repository, our own command. */
const alwaysLive = [
  // Mentions, team mentions, e-mail addresses.
  String.raw`[\w.+-]{0,64}@\w(?:[\w./-]{0,200}\w)?`,
  // Bare links of every scheme, and what GFM links without one.
  String.raw`[a-z][a-z0-9+.-]{0,20}:\/\/${rest}`,
  String.raw`(?<![a-z0-9])www\.${rest}`,
  String.raw`(?<![a-z0-9])(?:mailto|xmpp|javascript|data|vbscript):${rest}`,
  // References into other repositories, as numbers and as commits.
  String.raw`[\w.-]{1,100}\/[\w.-]{1,100}(?:#\d+|@[0-9a-f]{7,40}\b)`,
  // At the start of a line, quoted by a person, it would be a command.
  String.raw`(?<![\w/.-])\/claude\b`,
];

/** References into this repository: wanted, unless a closing keyword is near. */
const reference = String.raw`(?<!\w)(?:#|GH-)\d+`;

const live = new RegExp(alwaysLive.join("|"), "gi");
const liveAndReferences = new RegExp([...alwaysLive, reference].join("|"), "gi");

/** The words by which GitHub closes an issue when they stand in front of a reference. */
export const closingKeyword = /(?<![a-z0-9])(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?![a-z0-9])/i;

/** A sentence that may hold such a word, also one that comes about when something in front of it goes. */
export const closingHint = /close|fix|resolve/i;

/** Takes a visible text apart into what is plain and what GitHub would act on; with `references` also `#12`. */
export function splitLiveText(text: string, options: { references: boolean }): TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  for (const match of text.matchAll(options.references ? liveAndReferences : live)) {
    const last = pieces.at(-1);
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), live: false });
    // Two code spans side by side would run into each other.
    if (match.index === end && last !== undefined) last.text += match[0];
    else pieces.push({ text: match[0], live: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), live: false });
  return pieces;
}
