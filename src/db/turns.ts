// Node accepts one new connection in each turn of its event loop. When the answers of many statements arrive together, and each
// leads to much work, a turn takes long, and callers stand in line for many turns before the gateway even sees them. So the
// answers share a bound of each turn, and new connections come before them.

/** How long the answers of statements are worked on in one turn of the event loop. */
const SLICE_MS = 5;
/** As many connections are accepted before answers are worked on again, however many more stand in line. */
const ARRIVALS_MAX = 50;

/** Spreads work over turns of the event loop. */
class Turns {
  private waiting = 0;
  private isBeginning = false;
  private hasArrival = false;
  private endMs = 0;

  /** Fulfilled when the caller may go on: at once, unless others have filled this turn or new connections arrive. */
  take(): Promise<void> {
    this.waiting += 1;
    this.beginNext();
    return new Promise((resolve) => {
      setImmediate(this.attempt, resolve);
    });
  }

  /** A connection was accepted in this turn, so there may be another one to accept in the next. */
  noteArrival(): void {
    this.hasArrival = true;
  }

  // It was asked for before all attempts of its turn, so it runs before them.
  private beginNext(): void {
    if (this.isBeginning || this.waiting === 0) return;
    this.isBeginning = true;
    const begin = (arrivals: number): void => {
      if (this.hasArrival && arrivals < ARRIVALS_MAX) {
        this.hasArrival = false;
        setImmediate(begin, arrivals + 1);
        return;
      }
      this.isBeginning = false;
      this.endMs = performance.now() + SLICE_MS;
      this.beginNext();
    };
    setImmediate(begin, 0);
  }

  private readonly attempt = (resolve: () => void): void => {
    if (performance.now() < this.endMs) {
      this.waiting -= 1;
      resolve();
      return;
    }
    setImmediate(this.attempt, resolve);
  };
}

/** Of the whole process, like its event loop. */
export const turns = new Turns();
