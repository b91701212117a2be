/** Whom a request at the gateway belongs to: one claim of one task. */
export type Turn = { accountId: string; taskId: string; fence: number };
