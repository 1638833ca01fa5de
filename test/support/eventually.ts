// Waits for what happens by itself. The deadline is far beyond what anything takes on a busy machine.

const DEADLINE_MS = 120_000;
/** How long what may never come is waited for. */
const SOON_MS = 1_000;
/** Between two looks: what is near is seen at once, and what takes seconds is not slowed down by the looking. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

async function pause(looks: number): Promise<void> {
  const ms = Math.min(FIRST_PAUSE_MS * 1.2 ** looks, LONGEST_PAUSE_MS);
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for something to become true. @throws when it does not in time */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  for (let looks = 0; !(await isTrue()); looks += 1) {
    if (performance.now() > endMs) throw new Error(`in vain: ${what}`);
    await pause(looks);
  }
}

/** Waits until `check` no longer throws; what it throws at the deadline is thrown. */
export async function eventually(check: () => unknown): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  for (let looks = 0; ; looks += 1) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await pause(looks);
    }
  }
}

/** What is there soon; null when nothing comes. Only for what a test compares with something that does come. */
export async function soon<T>(look: () => T | undefined): Promise<T | null> {
  const endMs = performance.now() + SOON_MS;
  for (let looks = 0; performance.now() < endMs; looks += 1) {
    const found = look();
    if (found !== undefined) return found;
    await pause(looks);
  }
  return null;
}
