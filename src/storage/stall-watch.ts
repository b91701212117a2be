export type StallWatch = Disposable & {
  /** Something moved. */
  touch(): void;
};

/** Calls `end` when nothing has moved for so long: a transfer may take hours, but not stand still. */
export function startStallWatch(stallMs: number, end: (error: Error) => void): StallWatch {
  const timer = setTimeout(() => {
    end(Object.assign(new Error(`Nothing moved for ${stallMs} ms.`), { code: "ETIMEDOUT" }));
  }, stallMs);
  let over = false;
  return {
    // A stream may still move when nobody waits any more; that must not wind the timer up again.
    touch: () => {
      if (!over) timer.refresh();
    },
    [Symbol.dispose]: () => {
      over = true;
      clearTimeout(timer);
    },
  };
}
