/** A request that is stopped in the middle, holding its idempotency key and its meter's lock. */
export type Gate = { arrived: Promise<void>; open(): void };

export type Gates = {
  /** Stops the next request of an operation until its gate is opened. */
  close(operation: string): Gate;
  pass(operation: string): Promise<void>;
};

export function openGates(): Gates {
  const closed = new Map<string, { arrive: () => void; opened: Promise<void> }>();
  return {
    close: (operation) => {
      const arrival = Promise.withResolvers<undefined>();
      const opening = Promise.withResolvers<undefined>();
      closed.set(operation, { arrive: () => arrival.resolve(undefined), opened: opening.promise });
      return { arrived: arrival.promise, open: () => opening.resolve(undefined) };
    },
    pass: async (operation) => {
      const gate = closed.get(operation);
      if (gate === undefined) return;
      closed.delete(operation);
      gate.arrive();
      await gate.opened;
    },
  };
}
