import { describe, expect, test } from "vitest";
import { html } from "../../src/web/html.ts";

describe("html", () => {
  test.each([
    [`<script>`, "&lt;script&gt;"],
    [`" onfocus="x`, "&quot; onfocus=&quot;x"],
    [`' onfocus='x`, "&#39; onfocus=&#39;x"],
    [`&lt;`, "&amp;lt;"],
    [`</textarea>`, "&lt;/textarea&gt;"],
  ])("escapes %j", (value, shown) => {
    expect(html`<p title="${value}">${value}</p>`.html).toBe(`<p title="${shown}">${shown}</p>`);
  });

  test("keeps markup that is markup, also in lists", () => {
    const items = ["a", "<b>"].map((text) => html`<i>${text}</i>`);
    expect(html`<p>${items}, ${3}</p>`.html).toBe("<p><i>a</i><i>&lt;b&gt;</i>, 3</p>");
  });

  test("escapes what only looks like markup once it is a string again", () => {
    expect(html`${[html`<i>x</i>`.html]}`.html).toBe("&lt;i&gt;x&lt;/i&gt;");
  });
});
