import type { ServerResponse } from "node:http";
import { html, type Html } from "./html.ts";

export type Page = { status: number; title: string; body: Html };

/** Sends a page that runs no script, loads nothing but our stylesheet, and sends forms only here and to `formTargets`. */
export function sendPage(
  response: ServerResponse,
  page: Page,
  options: { formTargets: readonly string[]; stylesheet: string; headers?: Readonly<Record<string, string>> },
): void {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${page.title}</title>
        <link rel="stylesheet" href="${options.stylesheet}" />
      </head>
      <body>
        <main>${page.body}</main>
      </body>
    </html> `;
  response.writeHead(page.status, {
    ...secureHeaders(options.formTargets),
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    ...options.headers,
  });
  response.end(document.html);
}

function secureHeaders(formTargets: readonly string[]): Record<string, string> {
  return {
    "content-security-policy": [
      "default-src 'none'",
      "style-src 'self'",
      `form-action ${["'self'", ...formTargets].join(" ")}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    // Stricter, and browsers would send our own form with "Origin: null".
    "referrer-policy": "strict-origin",
  };
}
