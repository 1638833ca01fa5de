// Reading environment variables by rules, with all problems at once.

/** The environment cannot be used; `problems` has one sentence for each bad variable. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

interface Expectation {
  readonly expected: string;
  readonly secret: boolean;
}

/** Reads variables, each with its rule. It collects each problem and continues with the default, so that one start shows every mistake. */
export class EnvironmentReader {
  readonly problems: string[] = [];

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** A whole number within limits, or zero where that is taken too. */
  integer(
    name: string,
    fallback: number,
    limits: { min: number; max: number; orZero?: boolean },
  ): number {
    const raw = this.raw(name);
    if (raw === null) return fallback;
    const value = /^\d{1,9}$/.test(raw) ? Number(raw) : Number.NaN;
    const isZero = limits.orZero === true && value === 0;
    if (isZero || (value >= limits.min && value <= limits.max)) return value;
    const zero = limits.orZero === true ? '0 or ' : '';
    this.refuse(name, raw, `${zero}a whole number from ${limits.min} to ${limits.max}`);
    return fallback;
  }

  /** True or false. */
  flag(name: string, fallback: boolean): boolean {
    const raw = this.raw(name);
    if (raw === null) return fallback;
    const value = { true: true, '1': true, false: false, '0': false }[raw.toLowerCase()];
    if (value === undefined) this.refuse(name, raw, 'true or false');
    return value ?? fallback;
  }

  /** One of some values. */
  choice<T extends string>(name: string, fallback: T, values: Readonly<Record<T, T>>): T {
    const raw = this.raw(name);
    const known: readonly T[] = Object.values(values);
    const value = raw === null ? fallback : known.find((candidate) => candidate === raw);
    if (value === undefined) this.refuse(name, raw, `one of ${known.join(', ')}`);
    return value ?? fallback;
  }

  /** A text that keeps a rule; has a default. */
  text(
    name: string,
    fallback: string,
    isValid: (value: string) => boolean,
    expected: string,
  ): string {
    return this.optional(name, isValid, { expected, secret: false }) ?? fallback;
  }

  /** A text that keeps a rule; null when it is not set. A secret is never part of a message. */
  optional(
    name: string,
    isValid: (value: string) => boolean,
    { expected, secret }: Expectation,
  ): string | null {
    const raw = this.raw(name);
    if (raw === null || isValid(raw)) return raw;
    this.refuse(name, secret ? null : raw, expected);
    return null;
  }

  /** Notes a problem when only some of these variables are set. */
  requireAllOrNone(names: readonly string[]): void {
    const missing = names.filter((name) => this.raw(name) === null);
    if (missing.length === 0 || missing.length === names.length) return;
    this.problems.push(
      `${names.join(', ')} must be set all or none; ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
    );
  }

  private raw(name: string): string | null {
    const value = this.env[name];
    return value === undefined || value === '' ? null : value;
  }

  private refuse(name: string, raw: string | null, expected: string): void {
    const found = raw === null ? '' : `, not ${JSON.stringify(raw)}`;
    this.problems.push(`${name} must be ${expected}${found}.`);
  }
}

/** The entries of a list; empty for `none`. */
export function listOf(value: string): readonly string[] {
  return value.trim() === 'none' ? [] : value.split(',').map((part) => part.trim());
}
