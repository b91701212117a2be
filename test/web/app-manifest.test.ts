import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { handlers } from "../../src/app.ts";
import { neededEvents, neededPermissions } from "../../src/cli/doctor/check-app.ts";
import { missingPermissions, readAppManifest } from "../../src/web/app-manifest.ts";
import { readRequestedPermissions } from "./requested-permissions.ts";

const { manifest, permissionReasons, eventReasons } = readAppManifest();
const permissions = Object.entries(manifest.default_permissions);

const slice = z
  .object({
    "x-github-events": z.array(z.string()),
    components: z.object({
      schemas: z.object({
        "app-permissions": z.object({
          properties: z.record(z.string(), z.object({ enum: z.array(z.string()) })),
        }),
      }),
    }),
  })
  .parse(JSON.parse(readFileSync(new URL("../standins/github/openapi-slice.json", import.meta.url), "utf8")));
const known = slice.components.schemas["app-permissions"].properties;

/** Sent to every App without being asked. */
const alwaysSent = ["installation", "installation_repositories"];
const handledEvents = [...new Set(Object.keys(handlers).map((name) => name.split(".")[0] ?? ""))].filter(
  (event) => !alwaysSent.includes(event),
);

const requested = readRequestedPermissions();
/** The highest level of each permission that the source asks for; metadata comes with every token. */
const used = new Map<string, string>([["metadata", "read"]]);
for (const { name, level } of requested) if (used.get(name) !== "write") used.set(name, level);

const letter = /\(([B-F])\)$/;

describe("app.yml", () => {
  test.each(permissions)("asks for %s: %s, which GitHub knows", (name, level) => {
    expect(known[name]?.enum).toContain(level);
  });

  test.each(manifest.default_events)(
    "subscribes to %s, which GitHub knows and does not send unasked",
    (event) => {
      expect(slice["x-github-events"]).toContain(event);
      expect(alwaysSent).not.toContain(event);
    },
  );

  test("never asks to change workflows, and is for its owner alone", () => {
    expect(manifest.default_permissions).not.toHaveProperty("workflows");
    expect(manifest.public).toBe(false);
  });

  test("grants what the source asks for, at the level that it asks for", () => {
    expect(requested.length).toBeGreaterThan(2);
    const wrong = requested.filter(
      ({ name, level }) => missingPermissions({ [name]: level }, manifest.default_permissions).length > 0,
    );
    expect(wrong).toEqual([]);
  });

  test("subscribes to what src/app.ts handles", () => {
    expect(handledEvents.filter((event) => !manifest.default_events.includes(event))).toEqual([]);
  });

  test.each(permissions)(
    "says why it asks for %s: %s, and for what, if nothing uses it yet",
    (name, level) => {
      const reason = permissionReasons.get(name) ?? "";
      expect(reason).not.toBe("");
      expect(letter.test(reason), reason).toBe(used.get(name) !== level);
    },
  );

  test.each(manifest.default_events)(
    "says why it subscribes to %s, and for what, if nothing handles it yet",
    (event) => {
      const reason = eventReasons.get(event) ?? "";
      expect(reason).not.toBe("");
      expect(letter.test(reason), reason).toBe(!handledEvents.includes(event));
    },
  );
});

describe("the doctor", () => {
  test("takes for necessary what the program uses today", () => {
    expect(neededPermissions).toEqual(Object.fromEntries(used));
    expect([...neededEvents].sort()).toEqual(handledEvents.sort());
  });
});

describe("missingPermissions", () => {
  test.each([
    [{ issues: "write" }, { issues: "write" }, []],
    [{ issues: "read" }, { issues: "write" }, []],
    [{ issues: "write" }, { issues: "read" }, ["issues: write"]],
    [{ issues: "write", checks: "read" }, {}, ["issues: write", "checks: read"]],
    [{}, { administration: "admin" }, []],
  ])("%j of %j lacks %j", (wanted, granted, missing) => {
    expect(missingPermissions(wanted, granted)).toEqual(missing);
  });
});

describe("readAppManifest", () => {
  test.each([
    ["an unknown field", "nmae: x\n"],
    ["broken YAML", "name: [\n"],
    ["no manifest at all", "just a line\n"],
  ])("refuses %s", (_, text) => {
    expect(() => readAppManifest(text)).toThrow();
  });
});
