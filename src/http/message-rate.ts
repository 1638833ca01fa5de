// How fast a socket may send. A client sends little but messages that control: it begins and completes operations, and answers
// pings. A burst of them is usual: a page begins or completes all its operations at once.

/** In the long run. */
export const MESSAGES_PER_SECOND = 10;
/** At once, after a silence. */
export const MESSAGES_AT_ONCE = 40;

/** Counts what one socket sends. */
export class MessageRate {
  private left = MESSAGES_AT_ONCE;
  private atMs: number;

  /** @param passedMs how much time has passed since some instant; nobody can set it */
  constructor(private readonly passedMs: () => number) {
    this.atMs = passedMs();
  }

  /** Takes one more message. @returns whether it may come */
  take(): boolean {
    const nowMs = this.passedMs();
    const gained = ((nowMs - this.atMs) * MESSAGES_PER_SECOND) / 1_000;
    this.left = Math.min(MESSAGES_AT_ONCE, this.left + gained);
    this.atMs = nowMs;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}
