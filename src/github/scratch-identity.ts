/** Whose commits nobody ever sees: those that only carry a tree from one git command to the next. */
export const scratchIdentity = {
  GIT_AUTHOR_NAME: "scratch",
  GIT_AUTHOR_EMAIL: "scratch@localhost",
  GIT_AUTHOR_DATE: "@0 +0000",
  GIT_COMMITTER_NAME: "scratch",
  GIT_COMMITTER_EMAIL: "scratch@localhost",
  GIT_COMMITTER_DATE: "@0 +0000",
} as const;
