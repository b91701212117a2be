import { z } from "zod";

const seconds = z.number().int().min(0).max(2_147_483_647);
const texts = z.record(z.string(), z.string());

const egress = {
  allowOut: z.array(z.string()).optional(),
  denyOut: z.array(z.string()).optional(),
};

/** The part of SandboxNetworkConfig that is modelled; rules, egressProxy, maskRequestHost and httpsPorts are not. */
export const network = z.strictObject({ ...egress, allowPublicTraffic: z.boolean().optional() });

export type Network = z.infer<typeof network>;

/** NewSandboxV2 of e2b 2.51, without iam, mcp and volumeMounts. */
export const createBody = z.strictObject({
  templateID: z.string().min(1),
  metadata: texts.optional(),
  envVars: texts.optional(),
  timeout: seconds.optional(),
  allow_internet_access: z.boolean().optional(),
  network: network.optional(),
  autoPause: z.boolean().optional(),
  autoPauseMemory: z.boolean().optional(),
  autoResume: z.strictObject({ enabled: z.literal(false) }).optional(),
});

/** ConnectSandboxV2. */
export const connectBody = z.strictObject({ timeout: seconds.optional(), memory: z.boolean().optional() });

/** SandboxPauseRequest. */
export const pauseBody = z.strictObject({ memory: z.boolean().optional() });

export const timeoutBody = z.strictObject({ timeout: seconds });

/** SandboxNetworkUpdateConfig: what is left out is cleared. */
export const networkBody = z.strictObject({ ...egress, allow_internet_access: z.boolean().optional() });

/** The query of GET /v2/sandboxes. */
export const listQuery = z.strictObject({
  metadata: z.string().optional(),
  state: z
    .string()
    .regex(/^(running|paused)(,(running|paused))?$/)
    .optional(),
  startedAfter: z.iso.datetime().optional(),
  template: z.string().optional(),
  order: z.enum(["asc", "desc"]).optional(),
  limit: z.coerce.number().int().min(1).max(100).optional(),
  nextToken: z.string().optional(),
});
