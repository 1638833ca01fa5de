/** Waits until `check` no longer throws; after ten seconds its error is thrown. */
export async function eventually(check: () => unknown): Promise<void> {
  for (let tries = 200; ; tries -= 1) {
    try {
      await check();
      return;
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
