/** What a request is refused with; `violation` says that the client did something the real service does not know. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly violation: boolean;

  constructor(status: number, message: string, options: { violation?: boolean } = {}) {
    super(message);
    this.status = status;
    this.violation = options.violation ?? false;
  }
}

/** A refusal of something that this stand-in does not model, or that the service would not understand. */
export function strange(message: string, status: 400 | 501 = 501): Refusal {
  return new Refusal(status, message, { violation: true });
}
