// Waits for what happens by itself. The deadline is far beyond what anything takes on a busy machine.

const DEADLINE_MS = 120_000;

/** Waits for something to become true. @throws when it does not in time */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until `check` no longer throws; what it throws at the deadline is thrown. */
export async function eventually(check: () => unknown): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
