import { formatDuration, formatOrdinal, formatUsd } from "./amounts.ts";
import { formatEstimate } from "./format-estimate.ts";
import { toInlineCode, toInlineText } from "./inline-text.ts";
import { renderCharge, type Receipt } from "./receipt.ts";
import type { PullRequestRef, StatusView } from "./status-comment.ts";

/** The first line of the status comment: where the task stands. */
export function renderHeadline({ phase, requester, notices, hidesAmounts }: StatusView): string {
  switch (phase.kind) {
    case "queued": {
      const estimate = phase.estimate === null ? "" : `, ${formatEstimate(phase.estimate)}`;
      const place = phase.place <= 1 ? "next in line" : `${formatOrdinal(phase.place)} of ${phase.of}`;
      return `⏳ **Waiting**: ${place}${estimate}${phase.reason === null ? "" : `, ${toInlineText(phase.reason)}`}`;
    }
    case "starting":
      return `🚀 **Starting**: ${toInlineText(phase.step)}`;
    case "running":
      return `🛠️ **Working** for ${formatDuration(phase.elapsedMs)}${hidesAmounts === true ? "" : `, ${formatUsd(phase.costMicroUsd)} of ${formatUsd(phase.budgetMicroUsd)} spent`}`;
    case "waiting":
      return `✋ **Waiting for an answer** from somebody with write access`;
    case "finished":
      if (phase.verb !== undefined)
        return `✅ **${toInlineText(phase.headline)}**${phase.pull === null ? "" : ` (#${phase.pull.number})`}`;
      return phase.pull === null
        ? `✅ **${toInlineText(phase.headline)}** is on ${toInlineCode(phase.branch, 250)}`
        : `✅ **${toInlineText(phase.headline)}** is in #${phase.pull.number}${phase.pull.draft ? ", a draft to review" : ", ready for review"}`;
    case "unchanged":
      return notices.leftOutFiles.length > 0 ? "☑️ **Nothing pushed**" : "☑️ **Nothing to change**";
    case "answered":
      if (phase.review === true) return `💬 **Review** for ${toInlineText(requester, 60)}`;
      return `💬 **Answer** to ${toInlineText(requester, 60)}`;
    case "failed":
      return `❌ **Failed**: ${toInlineText(phase.failure.what, 400)}`;
    case "timeout":
      return `⌛ **Stopped after ${formatDuration(phase.limitMs)}**, the time limit of this task`;
    case "cancelled":
      return `🛑 **Stopped** by ${toInlineText(phase.by, 60)}`;
    case "refused":
      return `🚫 **Not started**: ${toInlineText(phase.reason, 400)}`;
  }
}

/** What there is to say about it, as blocks of Markdown. */
export function renderWords({ phase, notices, hidesAmounts, estimate }: StatusView): string[] {
  const amounts = hidesAmounts !== true;
  switch (phase.kind) {
    case "queued":
    case "starting":
      return estimate === undefined || !amounts ? [] : [usualCost(estimate)];
    case "running":
      return [
        ...((phase.testing ?? null) === null
          ? []
          : [`Running the tests: ${toInlineCode(phase.testing ?? "", 120)}`]),
        ...(phase.branch === null
          ? []
          : [`Branch ${toInlineCode(phase.branch, 250)}${verified(phase.verifiedSha)}`]),
      ];
    case "waiting":
      return [phase.question, toInlineText(phase.answer, 400)];
    case "finished":
      return phase.summary === null ? [] : [phase.summary];
    case "unchanged":
      return [
        notices.leftOutFiles.length > 0
          ? "Claude changed only files that this App does not push, so nothing was pushed."
          : "Claude looked and left everything as it is, so nothing was pushed.",
        ...(phase.text === null ? [] : [phase.text]),
      ];
    case "answered":
      return [phase.text];
    case "failed":
      return [
        toInlineText(phase.failure.remedy, 600),
        phase.failure.retryHelps ? "Trying again may help." : "Trying again before that will not help.",
        ...kept(phase.pull),
        paid(phase.receipt, { amounts }),
      ];
    case "timeout":
      return [
        "Ask for a smaller piece of work, or give it longer with `--timeout`.",
        ...kept(phase.pull),
        paid(phase.receipt, { amounts }),
      ];
    case "cancelled":
      return [
        phase.receipt === null
          ? "Nothing was pushed."
          : "What was done until then is kept; a new `/claude` goes on from there.",
      ];
    case "refused":
      return phase.remedy === null ? [] : [toInlineText(phase.remedy, 600)];
  }
}

function verified(sha: string | null): string {
  return sha === null ? ", nothing pushed yet" : `, verified at \`${sha.slice(0, 12)}\``;
}

function kept(pull: PullRequestRef | null): string[] {
  return pull === null ? [] : [`What was pushed before is in #${pull.number}.`];
}

function usualCost({ typicalMicroUsd, longMicroUsd }: NonNullable<StatusView["estimate"]>): string {
  return `Half of this repository's last tasks cost up to ${formatUsd(typicalMicroUsd)}, nine in ten up to ${formatUsd(longMicroUsd)}.`;
}

function paid(receipt: Receipt | null, shown: { amounts: boolean }): string {
  const charge = receipt === null ? "nothing" : renderCharge(receipt, shown);
  return charge.startsWith("nothing")
    ? `Nothing was charged${charge.slice("nothing".length)}.`
    : `Charged: ${charge}.`;
}
