import { openStage, names } from "./github-stage.ts";
const c0=process.cpuUsage();const stage = await openStage();
const place = await stage.makeRepository();
await stage.github.as("alice").createIssue(place.full, { title: "x" });
const bot = await stage.asBot(); const at = { ...names(place), issue_number: 1 };
for (const [n, f] of [["get", () => bot.rest.issues.get(at)], ["comment", () => bot.rest.issues.createComment({ ...at, body: "x" })]] as const) {
  let t = performance.now(); await f(); console.log(n, "first", performance.now() - t); t = performance.now(); for (let i = 0; i < 300; i++) await f(); console.log(n, (performance.now() - t) / 300, process.cpuUsage(c0).user/1000);
}
await stage.github.drained(); console.log(stage.github.violations.slice(0, 3), process.memoryUsage().rss / 1e6);
await stage.close();
