import type { Db } from "../../db/client.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";

/** Tokens of one model call; the kinds do not overlap. */
export type TokenCounts = {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
};

export type GatewayDeps = {
  db: Db;
  /** Looks a token up before anyone knows whose it is. */
  system: Db;
  config: { model: Config["model"]; sandbox: Pick<Config["sandbox"], "egressHosts"> };
  log: Logger;
  clock: Clock;
  /** What a call costs, in whole micro-USD. */
  priceCall: (call: { model: string; tokens: TokenCounts }) => number;
};
