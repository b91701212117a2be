import type { ContentBlock, MessagesRequest, RequestMessage } from "./messages-request.ts";
import type { Call, ToolResult } from "./reply.ts";

/** What a request says about the conversation it belongs to. */
export function readConversation(body: MessagesRequest): Call {
  const promptIndex = body.messages.findLastIndex((message) => message.role === "user" && isPrompt(message));
  const prompt = body.messages[promptIndex];
  const everything = JSON.stringify([body.system, body.messages]);
  return {
    body,
    turn: body.messages.slice(promptIndex + 1).filter((message) => message.role === "assistant").length,
    prompt: prompt === undefined ? "" : promptText(prompt),
    cwd: /Primary working directory: ([^\s"\\]+)/.exec(everything)?.[1] ?? "/",
    tools: new Set((body.tools ?? []).map((tool) => tool.name)),
    results: readResults(body.messages),
  };
}

function blocksOf(message: RequestMessage): readonly ContentBlock[] {
  return typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
}

/** Tool results come in user messages too; a prompt is the user message that has text of a person and no result. */
function isPrompt(message: RequestMessage): boolean {
  const blocks = blocksOf(message);
  return !blocks.some((block) => block.type === "tool_result") && promptText(message) !== "";
}

function promptText(message: RequestMessage): string {
  return blocksOf(message)
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .map((text) => text.replaceAll(/<system-reminder>[\s\S]*?<\/system-reminder>\s*/g, ""))
    .filter((text) => text.trim() !== "")
    .join("\n");
}

function readResults(messages: readonly RequestMessage[]): ToolResult[] {
  const names = new Map<string, string>();
  for (const block of messages.flatMap(blocksOf)) {
    if (block.type === "tool_use") names.set(block.id, block.name);
  }
  const lastAnswer = messages.findLastIndex((message) => message.role === "assistant");
  return messages
    .slice(lastAnswer + 1)
    .flatMap(blocksOf)
    .flatMap((block) =>
      block.type === "tool_result"
        ? [
            {
              toolUseId: block.tool_use_id,
              name: names.get(block.tool_use_id) ?? "",
              text: resultText(block.content),
              isError: block.is_error ?? false,
            },
          ]
        : [],
    );
}

function resultText(content: Extract<ContentBlock, { type: "tool_result" }>["content"]): string {
  if (content === undefined) return "";
  if (typeof content === "string") return content;
  return content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
}
