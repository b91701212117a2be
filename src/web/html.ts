/** Markup that may be sent as it stands. */
export type Html = { readonly html: string };

type Piece = Html | string | number | readonly Piece[];

/** Markup whose values are escaped; a value that is markup itself, or a list of such, stays as it is. */
export function html(strings: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return {
    html: strings.reduce((text, part, index) => `${text}${toMarkup(values[index - 1] ?? "")}${part}`),
  };
}

function toMarkup(piece: Piece): string {
  if (typeof piece === "number") return String(piece);
  if (typeof piece === "string") return escapeHtml(piece);
  return "html" in piece ? piece.html : piece.map(toMarkup).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text that means itself, in an element and in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
