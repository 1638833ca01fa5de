// Node accepts one new connection in each turn of its event loop. When the answers of many statements arrive together, and each
// leads to much work, a turn takes long, and callers stand in line for many turns before the gateway even sees them.

/** How long the answers of statements are worked on in one turn of the event loop. */
const SLICE_MS = 5;
/** Turns for arrivals alone, before what did not fit goes on. */
const TURNS_BETWEEN = 4;

/** Spreads work over turns of the event loop. */
export class Turns {
  private waiting = 0;
  private isBeginning = false;
  private hasLeftOver = false;
  private endMs = 0;

  /** Fulfilled when the caller may go on: at once, unless others have filled this turn. */
  take(): Promise<void> {
    this.waiting += 1;
    this.beginNext();
    return new Promise((resolve) => {
      setImmediate(this.attempt, resolve);
    });
  }

  // It was asked for before all attempts of its turn, so it runs before them.
  private beginNext(): void {
    if (this.isBeginning || this.waiting === 0) return;
    this.isBeginning = true;
    const begin = (turnsToGo: number): void => {
      if (turnsToGo > 0) {
        setImmediate(begin, turnsToGo - 1);
        return;
      }
      this.isBeginning = false;
      this.hasLeftOver = false;
      this.endMs = performance.now() + SLICE_MS;
      this.beginNext();
    };
    setImmediate(begin, this.hasLeftOver ? TURNS_BETWEEN : 0);
  }

  private readonly attempt = (resolve: () => void): void => {
    if (performance.now() < this.endMs) {
      this.waiting -= 1;
      resolve();
      return;
    }
    this.hasLeftOver = true;
    setImmediate(this.attempt, resolve);
  };
}
