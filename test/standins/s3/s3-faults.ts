/**
 * Something to go wrong: `before` the request has its effect or `after`. A status answers instead; reset drops the
 * connection; hang never answers; cutAfterBytes ends a download early, damage changes one bit of it (both `after`). Happens once unless
 * `times` says otherwise.
 */
export type S3Failure = {
  method?: "GET" | "HEAD" | "PUT" | "DELETE" | "LIST";
  key?: RegExp;
  when: "before" | "after";
  times?: number;
} & (
  | { status: number; code: string; headers?: Readonly<Record<string, string>> }
  | { status: number; body: string }
  | { reset: true }
  | { hang: true }
  | { cutAfterBytes: number }
  | { damage: true }
);

export type FailureList = {
  add(failure: S3Failure): void;
  take(when: S3Failure["when"], method: string, key: string): S3Failure | null;
};

export function openFailures(): FailureList {
  const pending: { failure: S3Failure; left: number }[] = [];
  return {
    add: (failure) => {
      if (failure.when === "before" && ("cutAfterBytes" in failure || "damage" in failure)) {
        throw new Error("Expected a cut or damaged download after its effect, got before.");
      }
      pending.push({ failure, left: failure.times ?? 1 });
    },
    take: (when, method, key) => {
      const found = pending.find(
        ({ failure, left }) =>
          left > 0 &&
          failure.when === when &&
          (failure.method ?? method) === method &&
          (failure.key ?? /^/).test(key),
      );
      if (found === undefined) return null;
      found.left -= 1;
      return found.failure;
    },
  };
}
