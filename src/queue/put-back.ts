/** A handler cannot do its job yet, and nothing is wrong: the job keeps its place among those of its key and comes again. */
export class PutBack extends Error {
  override readonly name = "PutBack";
  readonly afterMs: number;

  constructor(message: string, afterMs: number) {
    super(message);
    this.afterMs = afterMs;
  }
}
