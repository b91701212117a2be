import { quote } from "./quote.ts";
import type { SteeringRow } from "./steering-store.ts";

const where = {
  comment: "commented on the thread",
  "review-comment": "commented on a line of the pull request",
  review: "reviewed the pull request",
} as const satisfies Record<SteeringRow["kind"], string>;

const said = ({ author, kind, text }: SteeringRow): string =>
  `${author}, who may write to this repository, ${where[kind]}:\n\n${quote(text)}`;

/** One comment as the running agent is told of it. */
export function renderSteering(row: SteeringRow): string {
  return (
    "This comes from the bot that runs you, on behalf of the people whose task you are working on. " +
    `While you work, ${said(row)}\n\n` +
    "Take it into account now, as if it had stood in your task. Where it contradicts the task, the newer words count."
  );
}

/** What belongs behind a prompt: comments since the task began, also those that an interrupted turn may have been given. */
export function renderSteeringPart(rows: readonly SteeringRow[]): string {
  if (rows.length === 0) return "";
  const lead =
    "Since this task began people have added to it. You may have been told some of this before; the newer words count.";
  return `${[lead, ...rows.map(said)].join("\n\n")}\n`;
}

/** The instruction of the task that follows, made of comments that came too late for their turn. */
export function renderFollowUp(rows: readonly SteeringRow[]): string {
  const [first] = rows;
  if (rows.length === 1 && first !== undefined) return first.text;
  return rows.map(({ author, kind, text }) => `${author} ${where[kind]}:\n${text}`).join("\n\n");
}
