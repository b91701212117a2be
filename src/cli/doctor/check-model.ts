import { z } from "zod";
import type { Config } from "../../config.ts";
import { toError } from "../../errors.ts";
import { isPriced } from "../../usage/rate-card.ts";
import { fail, ok, warn, type CheckResult } from "./check.ts";

const problem = z.object({ error: z.object({ type: z.string(), message: z.string() }) });

/** Has the model's endpoint count the tokens of one word, which costs nothing and needs the credential and the model. */
export async function checkModel(model: Config["model"]): Promise<CheckResult> {
  if (model.credential === null) {
    return fail(
      "no credential is set, so every task ends with an explanation",
      "Set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN.",
    );
  }
  if (!isPriced(model.name)) {
    return fail(
      `nobody knows what ${model.name} costs, so no task is started with it`,
      "Set CLAUDE_MODEL to a model of the rate card, or install a release that knows this one.",
    );
  }
  const response = await ask(model, model.credential);
  if (response instanceof Error) {
    return fail(
      `${model.baseUrl} was not reached: ${response.message}`,
      "Let this server reach it, or correct ANTHROPIC_BASE_URL.",
    );
  }
  const said = `${model.baseUrl} answered ${response.status}${response.text}`;
  switch (response.status) {
    case 200:
      return ok(`${model.baseUrl} accepts the credential and knows ${model.name}`);
    case 401:
    case 403:
      return fail(
        `${said}: it does not accept the credential`,
        "Correct ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN.",
      );
    case 400:
    case 404:
      return warn(
        `${said} when asked about ${model.name}`,
        "Check CLAUDE_MODEL; an endpoint that cannot count tokens may still work.",
      );
    default:
      return warn(said, "Try again later; tasks wait while the model is not to be had.");
  }
}

type Answer = { status: number; text: string };

async function ask(
  model: Config["model"],
  credential: NonNullable<Config["model"]["credential"]>,
): Promise<Answer | Error> {
  try {
    const response = await fetch(`${model.baseUrl}/v1/messages/count_tokens`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        [credential.header]: credential.value,
        // A subscription's token is accepted only with this.
        ...(credential.header === "authorization" ? { "anthropic-beta": "oauth-2025-04-20" } : {}),
      },
      body: JSON.stringify({ model: model.name, messages: [{ role: "user", content: "Hello" }] }),
      redirect: "error",
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, text: readProblem(await response.text()) };
  } catch (thrown) {
    const error = toError(thrown);
    return error.cause instanceof Error ? error.cause : error;
  }
}

function readProblem(body: string): string {
  try {
    const parsed = problem.safeParse(JSON.parse(body));
    return parsed.success ? ` (${parsed.data.error.message.slice(0, 200)})` : "";
  } catch (error) {
    if (error instanceof SyntaxError) return "";
    throw error;
  }
}
