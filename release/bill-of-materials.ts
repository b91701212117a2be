import type { LockedPackage } from "./packages.ts";

/** CycloneDX 1.5. A package that is there twice in one version is one component. */
export function makeBill(
  self: { name: string; version: string; license: string },
  packages: readonly LockedPackage[],
) {
  const once = new Map(packages.map((found) => [purlOf(found), found]));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": purlOf(self),
        name: self.name,
        version: self.version,
        licenses: [{ expression: self.license }],
        purl: purlOf(self),
      },
    },
    components: [...once.values()].map(componentOf),
  };
}

function componentOf(found: LockedPackage) {
  return {
    type: "library",
    "bom-ref": purlOf(found),
    name: found.name,
    version: found.version,
    scope: found.developmentOnly ? "excluded" : "required",
    ...(found.integrity === null ? {} : { hashes: [hashOf(found.integrity)] }),
    ...(found.licence === null ? {} : { licenses: [licenceOf(found.licence)] }),
    purl: purlOf(found),
  };
}

const algorithms: Readonly<Record<string, string>> = { sha512: "SHA-512", sha384: "SHA-384", sha1: "SHA-1" };

function hashOf(integrity: string): { alg: string; content: string } {
  const [, algorithm = "", base64 = ""] = /^(sha\d+)-(\S+)/.exec(integrity) ?? [];
  const alg = algorithms[algorithm];
  if (alg === undefined) throw new Error(`Expected a hash by SHA-512, 384 or 1, got ${integrity}`);
  return { alg, content: Buffer.from(base64, "base64").toString("hex") };
}

/** "SEE LICENSE IN …" is a name, not an expression. */
function licenceOf(licence: string) {
  return licence.startsWith("SEE ") ? { license: { name: licence } } : { expression: licence };
}

/** As the package-url specification has it for npm: the @ of a scope is escaped. */
function purlOf({ name, version }: { name: string; version: string }): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}
