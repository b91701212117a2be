import { isAsset, signedUrl } from "./attachments.ts";
import type { Answer, Call } from "./call.ts";
import { escapeHtml } from "./escape-html.ts";
import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { repositoryByName } from "./world.ts";
import type { World } from "./world.ts";

/** Adds what the media type `full` asks for: the text rendered (as the README says: hardly), its images under signed addresses. */
export function withBodyHtml(world: World, call: Call, answer: Answer): Answer {
  if (!/\.full(?:\+json)?(?:[,;]|$)/.test(call.accept) || answer.facts === undefined) return answer;
  const repository = repositoryByName(world, call.params["owner"] ?? "", call.params["repo"] ?? "");
  const render = (facts: Json): Json => {
    if (Array.isArray(facts)) return facts.map(render);
    if (!isObject(facts) || typeof facts["body"] !== "string" || repository === undefined) return facts;
    const added: JsonObject = {
      body_text: facts["body"],
      body_html: renderBody(world, facts["body"], repository.id),
    };
    return { ...facts, ...added };
  };
  return { ...answer, facts: render(answer.facts) };
}

const shownImage = /!\[[^\]]*\]\(([^)\s]+)\)|<img\b[^>]*?\ssrc="([^"]+)"[^>]*>/g;

function renderBody(world: World, body: string, repositoryId: number): string {
  const shown = body.replaceAll(/<!--[\s\S]*?-->/g, "").replaceAll(/^```[\s\S]*?^```/gm, "");
  const images = [...shown.matchAll(shownImage)].map(([, markdown, html]) => {
    const address = markdown ?? html ?? "";
    const attachment = world.attachments.find(
      (it) => isAsset(it) && it.repositoryId === repositoryId && address.endsWith(`/assets/${it.uuid}`),
    );
    // GitHub fetches images from elsewhere itself.
    const source =
      attachment === undefined
        ? `${world.url}/camo/${Buffer.from(address).toString("hex")}`
        : signedUrl(world, attachment);
    return `<a target="_blank" href="${escapeHtml(source)}"><img src="${escapeHtml(source)}" alt="" style="max-width: 100%;"></a>`;
  });
  return `<p dir="auto">${escapeHtml(shown)}</p>\n<p dir="auto">${images.join("\n")}</p>`;
}
