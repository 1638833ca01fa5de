// What a process of the simulation gets in the place of what its machine gives a real one: chance that the seed decides, and turns of
// an event loop that no other gateway shares.

import { timeline } from './time.ts';

export function randomInt(below: number): number {
  return timeline().chance.whole(0, below - 1);
}

export function randomBytes(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => randomInt(256)));
}

export function randomUUID(): string {
  return randomBytes(16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** In seconds. */
export function uptime(): number {
  return timeline().current.passedMs / 1_000;
}

/** Work is spread over turns so that connections are accepted in time, and here none is. */
export const turns = {
  take: (): Promise<void> => Promise.resolve(),
};
