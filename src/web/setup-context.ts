import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import type { DescribedManifest } from "./app-manifest.ts";
import type { Page } from "./send-page.ts";
import type { SetupAttempts } from "./setup-attempts.ts";
import type { SetupDoor } from "./setup-door.ts";

/** What the steps of /setup share for as long as the server runs. */
export type SetupContext = {
  config: Config;
  log: Logger;
  settingsPath: string;
  door: SetupDoor;
  attempts: SetupAttempts;
  described: DescribedManifest;
  /** The page of the App that has been saved; null until then. */
  done: Page | null;
};
