// Whatever goes wrong is a GatewayError: what the gateway refuses, in its own words, and what never reached it.

/** The gateway's own codes (docs/cookbook.md, Errors), and four of this client for what no gateway answered. */
export type ErrorCode =
  | 'BAD_USER_INPUT'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'IDEMPOTENCY_CONFLICT'
  | 'DEPLOYMENTS_DISABLED'
  | 'ACCOUNT_CLOSED'
  | 'ARCHIVED'
  | 'QUERY_TOO_COSTLY'
  | 'RATE_LIMITED'
  | 'PERSISTED_QUERY_NOT_FOUND'
  | 'UNAVAILABLE'
  | 'INTERNAL_SERVER_ERROR'
  /** The gateway was not reached, or the connection was lost before the answer came. */
  | 'NETWORK'
  /** No answer came in time. */
  | 'TIMEOUT'
  /** The caller's signal ended the call. */
  | 'ABORTED'
  /** What answered is not a gateway, or one of another protocol: a proxy's page, another address. */
  | 'BAD_ANSWER';

export type ErrorPath = readonly (string | number)[];

export interface ErrorDetails {
  readonly path?: ErrorPath | undefined;
  readonly reference?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly months?: readonly string[] | undefined;
  readonly status?: number | undefined;
  readonly others?: readonly GatewayError[];
  readonly cause?: unknown;
}

/** Why a call failed. The message is one sentence that can be shown. */
export class GatewayError extends Error {
  /** Codes of a later gateway come as they are. */
  readonly code: ErrorCode;
  /** The argument at fault, such as ['input', 'amount'], or the field of the answer; null when it is neither. */
  readonly path: ErrorPath | null;
  /** What an operator finds the request by in the gateway's log; null when the gateway gave none. */
  readonly reference: string | null;
  /** When the same call may be sent again; null when nobody knows. */
  readonly retryAfterSeconds: number | null;
  /** Of ARCHIVED: when the events were recorded that it needs, in UTC, such as "2026-01". */
  readonly months: readonly string[];
  /** Of the HTTP answer; null when there was none. */
  readonly status: number | null;
  /** The further errors of the same answer. */
  readonly others: readonly GatewayError[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.path = details.path ?? null;
    this.reference = details.reference ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
    this.months = details.months ?? [];
    this.status = details.status ?? null;
    this.others = details.others ?? [];
  }
}

/** An error as GraphQL writes it. */
interface WrittenError {
  readonly message?: unknown;
  readonly path?: unknown;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/**
 * The errors of an answer as one: the first, with the rest as its `others`. For GraphQL clients of another make, too.
 * @param errors as they stand in the answer, one at least
 * @param of the answer that they stand in, where it came by HTTP
 */
export function errorOf(errors: readonly unknown[], of: ErrorDetails = {}): GatewayError {
  const [first, ...others] = errors.map(writtenError);
  return oneOf(first ?? {}, { ...of, others: others.map((other) => oneOf(other, of)) });
}

function oneOf({ message, path, extensions = {} }: WrittenError, of: ErrorDetails): GatewayError {
  const { code, reference, retryAfterSeconds, months } = extensions;
  return new GatewayError(
    typeof code === 'string' ? (code as ErrorCode) : 'BAD_ANSWER',
    typeof message === 'string' ? message : 'The gateway answered with an error without a message.',
    {
      ...of,
      path: pathOf(extensions['path']) ?? pathOf(path),
      reference: typeof reference === 'string' ? reference : of.reference,
      retryAfterSeconds:
        typeof retryAfterSeconds === 'number' ? retryAfterSeconds : of.retryAfterSeconds,
      months: Array.isArray(months) ? months.map(String) : undefined,
    },
  );
}

function writtenError(error: unknown): WrittenError {
  return typeof error === 'object' && error !== null ? error : {};
}

function pathOf(path: unknown): ErrorPath | undefined {
  if (!Array.isArray(path)) return undefined;
  return path.filter((step) => typeof step === 'string' || typeof step === 'number');
}

/** Any failure as a GatewayError. @param what was done, as the beginning of a sentence: "Calling https://…" */
export function failureOf(thrown: unknown, what: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('NETWORK', `${what} failed: ${reasonOf(thrown)}.`, { cause: thrown });
}

// fetch says only "fetch failed"; why is told by the error's cause. Errors may come from another realm, so they are told by form.
function reasonOf(thrown: unknown): string {
  const said = messageIn(thrown) ?? 'nobody says why';
  const cause =
    typeof thrown === 'object' && thrown !== null && 'cause' in thrown ? thrown.cause : null;
  const why = messageIn(cause);
  return why === null ? said : `${said} (${why})`;
}

function messageIn(thrown: unknown): string | null {
  if (typeof thrown !== 'object' || thrown === null) return null;
  const { message, code } = thrown as { readonly message?: unknown; readonly code?: unknown };
  // Of several addresses that were tried in vain there is no message, but a code.
  const texts = [message, code].filter((text) => typeof text === 'string' && text !== '');
  return texts.length === 0 ? null : String(texts[0]);
}
