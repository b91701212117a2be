import { armCrashPoints } from "../../src/crash-point.ts";

/** Loaded before the server or a worker (`node --import`): every crash point asks the nemesis, and waits for its answer. */
const url = process.env["STORM_NEMESIS"];
if (url === undefined) throw new Error("expected STORM_NEMESIS, the nemesis's address");

armCrashPoints(async (point, subject) => {
  const body = JSON.stringify({ point, subject, pid: process.pid });
  const response = await fetch(url, { method: "POST", body });
  if (!response.ok) throw new Error(`the nemesis answered ${response.status} at ${point}`);
});
