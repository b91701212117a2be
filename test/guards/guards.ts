import type { Guard } from "./guard.ts";
import { billingGuards } from "./lists/billing.ts";
import { gateGuards } from "./lists/gate.ts";
import { intakeGuards } from "./lists/intake.ts";
import { scopeGuards } from "./lists/scopes.ts";
import { stepGuards } from "./lists/steps.ts";
import { textGuards } from "./lists/texts.ts";

/** Every guard that `npm run test:guards` takes away. */
export const guards: readonly Guard[] = [
  ...gateGuards,
  ...intakeGuards,
  ...textGuards,
  ...scopeGuards,
  ...stepGuards,
  ...billingGuards,
];
