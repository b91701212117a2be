/** What lies under a key. */
export type StoredObject = {
  key: string;
  /** What `get` would bring. */
  bytes: number;
  modifiedAt: Date;
};

/**
 * Whole files under keys of the form `[a-z0-9-]+(/[a-z0-9-]+)*`; another key is a TypeError. A file is stored whole and
 * for good or not at all. Every method may be called again after a failure. They throw a UserError for what the
 * operator must mend and a TransientError when the storage is away.
 */
export type Storage = {
  /** Replaces what was under the key; resolves when it would outlive a power cut. */
  put(key: string, file: { path: string }): Promise<{ bytes: number }>;
  /** Puts the file at targetPath, whole or not at all, readable by its owner only; null: nothing under the key. */
  get(key: string, targetPath: string): Promise<{ bytes: number } | null>;
  /** Nothing under the key is no error. */
  remove(key: string): Promise<void>;
  /**
   * What lies below a key, as `a/b` lies below `a` and neither `a` itself nor `ab/c` does; "" for everything. In no
   * particular order, read a page at a time.
   */
  list(prefix: string): AsyncIterable<StoredObject>;
};
