import { afterAll, beforeEach } from "vitest";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World, type WorldOptions } from "../support/world.ts";

/**
 * One world, with a worker, for all tests of a file: opened by the first of them that may run, closed after the last.
 * `prepare` runs before the worker starts. The answer is how a test gets it.
 */
export function shareWorld(
  options: WorldOptions,
  prepare: (world: World) => void | Promise<void> = () => undefined,
): () => World {
  let opening: Promise<World> | undefined;
  let opened: World | undefined;
  const open = async (): Promise<World> => {
    const world = await openWorld(options);
    await prepare(world);
    await world.startWorker();
    return world;
  };
  beforeEach(async (context) => {
    await needBwrap(context);
    opened = await (opening ??= open());
  });
  afterAll(() => opened?.close());
  return () => {
    if (opened === undefined) throw new Error("the world is opened before each test");
    return opened;
  };
}
