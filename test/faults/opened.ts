// What was opened, so that it is closed: all of it at the end, or what was there when opening the next thing failed.

export class Opened {
  private readonly closes: (() => unknown)[] = [];

  /** Notes how what was just opened is closed. */
  push(close: () => unknown): void {
    this.closes.push(close);
  }

  /** Closes all in reverse order, each once, whether or not others can be closed. @throws the first error */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (const close of this.closes.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Opens more, by `open`; closes everything if that fails. */
  async orClose<T>(open: () => Promise<T>): Promise<T> {
    try {
      return await open();
    } catch (error) {
      await this.close();
      throw error;
    }
  }
}
