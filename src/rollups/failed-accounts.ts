// Accounts that could not be folded. Each is left alone for longer after each failure, so that a fault that stays costs little.

const LEAVE_FIRST_MS = 60_000;
const LEAVE_MAX_MS = 3_600_000;

interface Failed {
  readonly failures: number;
  readonly untilMs: number;
}

export class FailedAccounts {
  private readonly accounts = new Map<number, Failed>();

  /** Notes that an account failed once more. */
  add(accountId: number, nowMs: number): void {
    const failures = (this.accounts.get(accountId)?.failures ?? 0) + 1;
    const leaveMs = Math.min(LEAVE_FIRST_MS * 2 ** (failures - 1), LEAVE_MAX_MS);
    this.accounts.set(accountId, { failures, untilMs: nowMs + leaveMs });
  }

  /** Notes that accounts did not fail. */
  forget(accountIds: readonly number[]): void {
    if (this.accounts.size === 0) return;
    for (const accountId of accountIds) this.accounts.delete(accountId);
  }

  /** The accounts that are to be left alone at an instant. */
  at(nowMs: number): readonly number[] {
    return [...this.accounts].flatMap(([accountId, { untilMs }]) =>
      untilMs > nowMs ? [accountId] : [],
    );
  }
}
