/** Where GitHub keeps attached files, and which of its addresses is which. */
export type AttachmentHosts = {
  /** What an address in a text is: one of GitHub's attachments, a signed link that dies within minutes, or null: neither. */
  classify(url: URL): AttachmentPlace | null;
  /** Where a redirect leads: to stored bytes, to another page of the server (a sign-in), or out of GitHub. */
  judgeRedirect(url: URL): "storage" | "page" | "foreign";
  /** Whether the repository's token may be shown to this address: an attachment's own one on the configured server, nothing else. */
  takesToken(url: URL): boolean;
};

export type AttachmentPlace =
  { kind: "asset" | "file" | "image"; uuid: string | null; name: string } | { kind: "expiring" };

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const assetPath = new RegExp(
  `^/(?:user-attachments/assets|[\\w.-]+/[\\w.-]+/assets/\\d+|storage/user/\\d+/files)/(${uuid})$`,
  "i",
);
const filePath = /^\/(?:user-attachments|[\w.-]+\/[\w.-]+)\/files\/\d+\/([^/]+)$/;
const mediaPath = new RegExp(`^/user/\\d+/files/(${uuid})$`, "i");
const imagePath = new RegExp(`^/\\d+/\\d+-(${uuid})\\.\\w{1,5}$`, "i");

/** Hosts to which github.com sends a browser for the bytes. Source: its Content-Security-Policy, and its redirects. */
const storageHosts = new Set([
  "user-images.githubusercontent.com",
  "private-user-images.githubusercontent.com",
  "secured-user-images.githubusercontent.com",
  "objects.githubusercontent.com",
  "objects-origin.githubusercontent.com",
]);
const storageBucket =
  /^github-production-(?:user-asset|repository-file|repository-image)-[0-9a-f]{6}\.s3\.amazonaws\.com$/;

/** The attachment hosts of the configured server: github.com's own set, or a GitHub Enterprise Server and its subdomains. */
export function attachmentHosts(serverUrl: string): AttachmentHosts {
  const server = new URL(serverUrl);
  const isDotCom = server.hostname === "github.com";
  const isServer = (url: URL): boolean => url.origin === server.origin && isBare(url);
  const isStorage = (url: URL): boolean => {
    if (!isBare(url) || url.protocol !== server.protocol) return false;
    if (isDotCom) return storageHosts.has(url.host) || storageBucket.test(url.host);
    return url.host.endsWith(`.${server.host}`);
  };
  const classify = (url: URL): AttachmentPlace | null => {
    if (isServer(url)) return classifyOnServer(url);
    if (!isStorage(url)) return null;
    if (url.searchParams.has("jwt") || url.searchParams.has("token")) return { kind: "expiring" };
    if (isDotCom && url.host !== "user-images.githubusercontent.com") return null;
    const match = (isDotCom ? imagePath : mediaPath).exec(url.pathname);
    return match === null
      ? null
      : { kind: isDotCom ? "image" : "asset", uuid: lower(match[1]), name: "image" };
  };
  return {
    classify,
    judgeRedirect: (url) => {
      if (isServer(url)) return classifyOnServer(url) === null ? "page" : "storage";
      return isStorage(url) ? "storage" : "foreign";
    },
    takesToken: (url) => {
      const place = isServer(url) ? classifyOnServer(url) : null;
      return place !== null && place.kind !== "expiring";
    },
  };
}

function classifyOnServer(url: URL): AttachmentPlace | null {
  if (url.searchParams.has("jwt") || url.searchParams.has("token")) {
    return assetPath.test(url.pathname) ? { kind: "expiring" } : null;
  }
  const asset = assetPath.exec(url.pathname);
  if (asset !== null) return { kind: "asset", uuid: lower(asset[1]), name: "image" };
  const file = filePath.exec(url.pathname);
  return file === null ? null : { kind: "file", uuid: null, name: decode(file[1] ?? "") };
}

/** A user or password in an address is somebody's trick, or somebody's secret. */
const isBare = (url: URL): boolean => url.username === "" && url.password === "";

const lower = (text: string | undefined): string => (text ?? "").toLowerCase();

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}
