import { disarmText } from "../github/disarm-text.ts";

export type CommitMessageInput = {
  title: string;
  summary: string | null;
  taskId: string;
  sessionId: string;
  requester: { id: number; login: string };
  serverUrl: string;
};

/** The message of the one commit of a turn, with the trailers by which commit, task and people find each other. */
export function commitMessage(input: CommitMessageInput): string {
  const host = new URL(input.serverUrl).hostname;
  const { id, login } = input.requester;
  const trailers = [
    `Remote-Claude-Task: ${input.taskId}`,
    `Remote-Claude-Session: ${input.sessionId}`,
    `Co-authored-by: ${login} <${id}+${login}@users.noreply.${host}>`,
  ];
  const body = input.summary === null ? [] : ["", withoutTrailers(disarmText(input.summary))];
  return [disarmText(oneLine(input.title)), ...body, "", ...trailers, ""].join("\n");
}

function oneLine(title: string): string {
  return title.replace(/\s+/g, " ").trim();
}

/** The agent's words must not pass for our trailers. */
function withoutTrailers(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^(?:remote-claude-[a-z]+|co-authored-by|signed-off-by)\s*:/i.test(line.trim()))
    .join("\n")
    .trim();
}
