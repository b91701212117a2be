import { z } from "zod";

const minutes = z.int().min(0);

/** The fields that SDK 0.216 sends for a machine from a snapshot; any other is a violation. */
export const createBody = z.strictObject({
  name: z.string().min(1).max(63).optional(),
  snapshot: z.string(),
  env: z.record(z.string(), z.string()),
  labels: z.record(z.string(), z.string()),
  public: z.literal(false),
  target: z.string().optional(),
  autoStopInterval: minutes.optional(),
  autoArchiveInterval: minutes.optional(),
  autoDeleteInterval: z.int().optional(),
  networkBlockAll: z.boolean().optional(),
  networkAllowList: z.string().optional(),
});

export const networkBody = z
  .strictObject({ networkBlockAll: z.boolean().optional(), networkAllowList: z.string().optional() })
  .refine((body) => Object.keys(body).length > 0, "at least one setting");

export const executeBody = z.strictObject({ command: z.string().min(1), timeout: z.int().min(1) });

export const downloadBody = z.strictObject({ paths: z.array(z.string().min(1)).min(1) });

export const listQuery = z.strictObject({
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(100).optional(),
  labels: z.string().optional(),
  sort: z.enum(["createdAt"]).optional(),
  order: z.enum(["asc", "desc"]).optional(),
});
