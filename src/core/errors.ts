// The one family of errors that callers see. Each contract code has its class here; GraphQL (graphql/format-errors.ts) and REST
// (http/events.ts) print them from the same fields. Anything else that is thrown is a fault of the gateway: the caller
// gets a reference id and no details.

export const errorCodes = {
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  IDEMPOTENCY_CONFLICT: 409,
  DEPLOYMENTS_DISABLED: 409,
  ACCOUNT_CLOSED: 409,
  ARCHIVED: 409,
  QUERY_TOO_COSTLY: 400,
  RATE_LIMITED: 429,
  PERSISTED_QUERY_NOT_FOUND: 400,
  UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
} as const;

export type ErrorCode = keyof typeof errorCodes;

export type ErrorPath = readonly (string | number)[];

export interface ErrorDetails {
  /** The argument at fault, from the field's arguments down: ['input', 'resources', 17, 'kind']. */
  readonly path?: ErrorPath | undefined;
  readonly cause?: unknown;
  /** When the caller may try again. */
  readonly retryAfterSeconds?: number | undefined;
  /** The HTTP status outside GraphQL, where it says more than that of the code. */
  readonly status?: number | undefined;
}

/** What is wrong, in one sentence that names the value and the limit and ends in a full stop. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  /** Not called `path`: graphql-js takes an error with an array of that name for one that it has already located. */
  readonly argumentPath: ErrorPath | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly status: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.argumentPath = details.path;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.status = details.status;
  }
}

export class UserInputError extends GatewayError {
  constructor(message: string, details?: ErrorDetails) {
    super('BAD_USER_INPUT', message, details);
  }
}

export class UnauthenticatedError extends GatewayError {
  constructor(
    message = 'A valid API key is needed: send the header "Authorization: Bearer <key>".',
  ) {
    super('UNAUTHENTICATED', message);
  }
}

export class ForbiddenError extends GatewayError {
  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

export class NotFoundError extends GatewayError {
  constructor(message: string, details?: ErrorDetails) {
    super('NOT_FOUND', message, details);
  }
}

export class ConflictError extends GatewayError {
  constructor(message: string, details?: ErrorDetails) {
    super('CONFLICT', message, details);
  }
}

export class IdempotencyConflictError extends GatewayError {
  constructor(message: string, details?: ErrorDetails) {
    super('IDEMPOTENCY_CONFLICT', message, details);
  }
}

export class DeploymentsDisabledError extends GatewayError {
  constructor(message: string, details?: ErrorDetails) {
    super('DEPLOYMENTS_DISABLED', message, details);
  }
}

/** The account takes no more writes. */
export class AccountClosedError extends GatewayError {
  constructor(message: string) {
    super('ACCOUNT_CLOSED', message);
  }
}

/** What is asked for needs events that are archived. */
export class ArchivedError extends GatewayError {
  /** When they were recorded, in UTC: "2026-01". */
  readonly months: readonly string[];

  constructor(months: readonly string[]) {
    super(
      'ARCHIVED',
      `This needs events that were recorded in ${months.join(', ')} and are archived; an operator can bring them back.`,
    );
    this.months = months;
  }
}

const QUERY_LIMIT_SENTENCES = {
  characters: 'The document has {asked} characters; {bound} are allowed.',
  tokens: 'The document has more than {bound} tokens.',
  depth: 'The operation nests fields {asked} deep; {bound} are allowed.',
  introspectionDepth:
    'The operation nests fields of introspection {asked} deep; {bound} are allowed.',
  selections:
    'The operation has {asked} fields and fragments, written out for each type; {bound} are allowed.',
  aliases: 'The operation has {asked} aliases with its fragments written out; {bound} are allowed.',
  directives:
    'The operation has {asked} directives with its fragments written out; {bound} are allowed.',
  repeats:
    'The document asks for the same fields again too often: {bound} pairs of equal fields are allowed.',
  rootFields: 'The operation has {asked} root fields; {bound} are allowed.',
  cost: 'The operation costs {asked} points; {bound} are allowed. Ask for fewer rows or in parts.',
} as const;

/** An operation is larger than what is run. */
export class QueryTooCostlyError extends GatewayError {
  readonly limit: {
    readonly name: keyof typeof QUERY_LIMIT_SENTENCES;
    readonly bound: number;
    /** Left out of tokens and repeats, which are counted no further than the bound. */
    readonly asked?: number;
  };

  constructor(limit: QueryTooCostlyError['limit']) {
    const sentence = QUERY_LIMIT_SENTENCES[limit.name]
      .replace('{bound}', String(limit.bound))
      .replace('{asked}', String(limit.asked));
    super('QUERY_TOO_COSTLY', sentence);
    this.limit = limit;
  }
}

/** Only trusted documents run, and this is none of them. */
export class UntrustedDocumentError extends GatewayError {
  constructor() {
    super(
      'PERSISTED_QUERY_NOT_FOUND',
      'This gateway runs trusted documents only, and this is none of them.',
    );
  }
}

/** The caller asked too often. */
export class RateLimitedError extends GatewayError {
  constructor(message: string, retryAfterSeconds: number) {
    super('RATE_LIMITED', message, { retryAfterSeconds });
  }
}

export class UnavailableError extends GatewayError {
  constructor(message: string, details?: ErrorDetails) {
    super('UNAVAILABLE', message, details);
  }
}

/** An assumption of our own code does not hold. It ends the transaction, and its text never reaches the caller. */
export class InvariantError extends Error {
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(what: string, facts: Readonly<Record<string, unknown>>) {
    super(`Invariant broken: ${what}`);
    this.name = 'InvariantError';
    this.facts = facts;
  }
}

/** Asserts what must hold whatever the caller sent. @throws InvariantError */
export function invariant(
  holds: boolean,
  what: string,
  facts: Readonly<Record<string, unknown>> = {},
): asserts holds {
  if (!holds) throw new InvariantError(what, facts);
}

/** Returns a value that must exist whatever the caller sent. @throws InvariantError */
export function present<T>(value: T | null | undefined, what: string): T {
  invariant(value !== null && value !== undefined, what);
  return value;
}
