import type { z } from "zod";
import type { listQuery } from "./api-bodies.ts";
import type { Machine } from "./machine.ts";
import { strange } from "./refusal.ts";
import type { World } from "./world.ts";

const defaultLimit = 100;

/** One page of the machines that fit the query, newest first unless asked; `nextToken` leads to the next page. */
export function listMachines(
  world: World,
  query: z.infer<typeof listQuery>,
): { items: Machine[]; nextToken: string | null; totalRunning: number } {
  const { state, startedAfter, template, order = "desc", limit = defaultLimit } = query;
  const metadata = query.metadata === undefined ? [] : readMetadata(query.metadata);
  const states = state?.split(",") ?? ["running", "paused"];
  const afterMs = startedAfter === undefined ? -Infinity : Date.parse(startedAfter) - world.skewMs;
  const fitting = [...world.machines.values()]
    .filter(
      ({ record }) =>
        states.includes(record.state) &&
        record.startedAt >= afterMs &&
        (template === undefined || record.template === template) &&
        metadata.every(([key, value]) => record.metadata[key] === value),
    )
    .sort((a, b) => compare(a, b) * (order === "asc" ? 1 : -1));
  const rest = query.nextToken === undefined ? fitting : after(fitting, query.nextToken, order);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  const totalRunning = fitting.filter(({ record }) => record.state === "running").length;
  return { items, totalRunning, nextToken: last !== undefined && rest.length > limit ? tokenOf(last) : null };
}

/** The filter is encoded twice: as a query of its own, whose names and values are percent-encoded again. */
function readMetadata(text: string): [string, string][] {
  return [...new URLSearchParams(text)].map(([key, value]) => [
    decodeURIComponent(key),
    decodeURIComponent(value),
  ]);
}

function compare(a: Machine, b: Machine): number {
  return a.record.startedAt - b.record.startedAt || (a.record.id < b.record.id ? -1 : 1);
}

function tokenOf({ record }: Machine): string {
  return Buffer.from(`${record.startedAt}__${record.id}`).toString("base64url");
}

function after(machines: Machine[], token: string, order: "asc" | "desc"): Machine[] {
  const [startedAt, id] = Buffer.from(token, "base64url").toString().split("__");
  if (id === undefined || !Number.isFinite(Number(startedAt)))
    throw strange(`nextToken: unreadable "${token}"`, 400);
  const place = { record: { startedAt: Number(startedAt), id } } as Machine;
  return machines.filter(
    (machine) => machine.record.id !== id && compare(machine, place) > 0 === (order === "asc"),
  );
}
