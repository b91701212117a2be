/** What GitHub says in `errors`: `type` is its word for the kind, which its schema does not hold. */
export class GraphqlRefusal extends Error {
  override readonly name = "GraphqlRefusal";
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** A member or argument that GitHub knows and the stand-in does not answer. */
export class UnmodelledMember extends Error {
  override readonly name = "UnmodelledMember";
}
