import { UserError } from "../../errors.ts";
import { explainDatabaseError } from "../explain-database-error.ts";

export type CheckStatus = "ok" | "warn" | "fail" | "skipped";

/** What one look found. `skipped`: it needs something that another check has found missing. */
export type CheckResult = {
  status: CheckStatus;
  detail: string;
  /** What to do; null when all is well. */
  remedy: string | null;
};

/** `id` is stable for programs. */
export type Check = { id: string; title: string } & CheckResult;

export const ok = (detail: string): CheckResult => ({ status: "ok", detail, remedy: null });
export const warn = (detail: string, remedy: string): CheckResult => ({ status: "warn", detail, remedy });
export const fail = (detail: string, remedy: string): CheckResult => ({ status: "fail", detail, remedy });
export const skipped = (detail: string): CheckResult => ({ status: "skipped", detail, remedy: null });

const deadlineMs = 20_000;

/** Makes one check; an error is its failure, and one that does not come back has failed too. */
export async function runCheck(
  name: { id: string; title: string },
  look: () => Promise<CheckResult> | CheckResult,
): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => {
      resolve(fail(`no answer within ${deadlineMs / 1_000} s`, "Look at what it reaches for: it hangs."));
    }, deadlineMs);
  });
  try {
    return { ...name, ...(await Promise.race([Promise.resolve().then(look), late])) };
  } catch (thrown) {
    const error = explainDatabaseError(thrown);
    const remedy =
      error instanceof UserError ? error.remedy : "This is not expected; the message above says more.";
    return { ...name, ...fail(error.message, remedy) };
  } finally {
    clearTimeout(timer);
  }
}
