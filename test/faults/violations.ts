// What was found wrong, by the name of the promise that it breaks.

export interface Violation {
  readonly promise: string;
  readonly detail: string;
}

/** More of them would only hide the first ones. */
const SAID_MAX = 50;

export class Violations {
  readonly found: Violation[] = [];

  /** @param say told each at once: a run may be ended before it tells all of them */
  constructor(private readonly say: (line: string) => void = () => undefined) {}

  add(promise: string, detail: string): void {
    this.found.push({ promise, detail });
    if (this.found.length <= SAID_MAX) this.say(`VIOLATED ${promise}: ${detail}`);
  }

  /** Compares what is with what should be. Both are written as JSON, big numbers as texts. */
  compare(promise: string, detail: string, is: unknown, expected: unknown): void {
    const [isText, expectedText] = [textOf(is), textOf(expected)];
    if (isText === expectedText) return;
    this.add(promise, `${detail}: is ${shown(isText)}, expected ${shown(expectedText)}`);
  }
}

function textOf(value: unknown): string {
  // What is missing altogether has no JSON.
  if (value === undefined) return 'undefined';
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? inner.toString() : inner,
  );
}

function shown(text: string): string {
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
