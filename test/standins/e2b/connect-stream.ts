import type { ServerResponse } from "node:http";

/** The codes of the Connect protocol that are used here, with the HTTP status that a unary answer carries. */
const statusOf = {
  invalid_argument: 400,
  failed_precondition: 400,
  unauthenticated: 401,
  not_found: 404,
  already_exists: 409,
  resource_exhausted: 429,
  internal: 500,
  unknown: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
} as const;

export type ConnectCode = keyof typeof statusOf;

/** An error of an RPC, as envd reports it. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  readonly code: ConnectCode;

  constructor(code: ConnectCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return statusOf[this.code];
  }
}

const lastFrame = 2;

function frame(flags: number, message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** The single message of a server-stream request. */
export function readFrame(body: Buffer): unknown {
  if (body.length < 5 || body.readUInt8(0) !== 0 || body.readUInt32BE(1) !== body.length - 5) {
    throw new ConnectError("invalid_argument", `expected one plain Connect frame, got ${body.length} bytes`);
  }
  return JSON.parse(body.subarray(5).toString());
}

/** A server stream of Connect in JSON; `send` says whether the client keeps up. */
export type EventStream = {
  readonly open: boolean;
  send(message: unknown): boolean;
  onDrain(resume: () => void): void;
  onClose(close: () => void): void;
  end(error?: ConnectError): void;
};

export function openStream(response: ServerResponse): EventStream {
  response.writeHead(200, { "content-type": "application/connect+json" });
  response.flushHeaders();
  const open = () => !response.destroyed && !response.writableEnded;
  return {
    get open() {
      return open();
    },
    send: (message) => (open() ? response.write(frame(0, message)) : true),
    onDrain: (resume) => void response.once("drain", resume),
    onClose: (close) => void response.once("close", close),
    end(error) {
      if (!open()) return;
      const trailer = error === undefined ? {} : { error: { code: error.code, message: error.message } };
      response.end(frame(lastFrame, trailer));
    },
  };
}
