// How callers see errors: ours with their code and argument path, those of the query in graphql-js' words,
// an unreachable database as UNAVAILABLE, and any other fault as a reference id. The details of the last two
// go to the log alone: no stack, statement or table name reaches a caller.

import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import {
  ArchivedError,
  GatewayError,
  type ErrorCode,
  type ErrorPath,
  QueryTooCostlyError,
} from '../core/errors.ts';
import { databaseTrouble, type DatabaseTrouble } from '../db/trouble.ts';
import { literalPath, printPath, variablePath } from './argument-path.ts';

const TOO_DEEP = 'The query or its variables are nested too deeply to be read.';
const MESSAGE_LENGTH_MAX = 2_000;
const TROUBLE: Readonly<Record<DatabaseTrouble, Omit<CallerError, 'code'>>> = {
  // Whoever holds what was waited for is done in seconds, or the database ends it (db/connection.ts).
  BUSY: {
    message: 'The database was too busy to answer in time; please try again.',
    retryAfterSeconds: 1,
  },
  OUT_OF_REACH: {
    message: 'The database cannot be reached at this moment; please try again.',
  },
};

/** An error as a caller may see it, in every protocol. */
export interface CallerError {
  readonly message: string;
  readonly code: ErrorCode;
  readonly path?: ErrorPath;
  /** Of QUERY_TOO_COSTLY: the limit that was passed. */
  readonly limit?: QueryTooCostlyError['limit'];
  /** Of ARCHIVED: when the events were recorded that would have to be brought back, in UTC: "2026-01". */
  readonly months?: readonly string[];
  /** When the same call may be sent again; left out where nobody knows. */
  readonly retryAfterSeconds?: number;
  /** The id of the details in the log. */
  readonly reference?: string;
}

/** Receives what callers do not see. `reference` is the id that the caller can quote, if there is one. */
export type FaultListener = (error: unknown, reference: string) => void;

/** What a caller sees of any thrown error. `onFault` receives errors that the caller did not cause. */
export function describeError(error: unknown, onFault: FaultListener): CallerError {
  if (error instanceof GatewayError) {
    const { message, code, argumentPath, retryAfterSeconds } = error;
    const path = argumentPath === undefined ? {} : { path: argumentPath };
    return {
      message,
      code,
      ...path,
      ...(error instanceof QueryTooCostlyError ? { limit: error.limit } : {}),
      ...(error instanceof ArchivedError ? { months: error.months } : {}),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    };
  }
  const reference = randomUUID();
  onFault(error, reference);
  const trouble = databaseTrouble(error);
  if (trouble !== null) return { ...TROUBLE[trouble], code: 'UNAVAILABLE' };
  return {
    message: `Something went wrong on our side; quote reference ${reference}.`,
    code: 'INTERNAL_SERVER_ERROR',
    reference,
  };
}

/** Apollo's formatError. */
export function errorFormatter(
  onFault: FaultListener,
): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  return (formatted, error) => {
    const original = originalOf(error);
    if (formatted.path === undefined && isTooDeep(original)) {
      return { ...formatted, message: TOO_DEEP, extensions: { code: 'BAD_USER_INPUT' } };
    }
    const isRefusedValue =
      original instanceof GatewayError &&
      !(original instanceof QueryTooCostlyError) &&
      original.retryAfterSeconds === undefined;
    if (isRefusedValue && formatted.path === undefined) {
      return refusedValue(formatted, original, error);
    }
    if (original instanceof GraphQLError && isOfTheQuery(formatted, original)) {
      return wordedByGraphql(formatted, error);
    }
    const { message, ...extensions } = describeError(original, onFault);
    return { ...formatted, message, extensions };
  };
}

// Before execution only the caller's own nesting is walked: the query and its variables.
function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message.startsWith('Maximum call stack size');
}

// A scalar refuses a value without knowing its place; the query and the executor's sentence together give the place.
function refusedValue(
  formatted: GraphQLFormattedError,
  refusal: GatewayError,
  error: unknown,
): GraphQLFormattedError {
  const place = variablePath(formatted.message, error) ?? literalPath(error);
  const path =
    place === undefined ? refusal.argumentPath : [...place, ...(refusal.argumentPath ?? [])];
  return {
    ...formatted,
    message: place === undefined ? refusal.message : `${printPath(place)}: ${refusal.message}`,
    extensions: { code: refusal.code, ...(path === undefined ? {} : { path }) },
  };
}

function wordedByGraphql(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const { extensions, message } = formatted;
  const code = extensions?.['code'];
  const path = variablePath(message, error) ?? literalPath(error);
  // An invalid value is the caller's input, whether it is in the query or in a variable.
  const isCoded =
    path === undefined && typeof code === 'string' && code !== 'INTERNAL_SERVER_ERROR';
  return {
    ...formatted,
    message:
      message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX)}…` : message,
    extensions: {
      ...extensions,
      code: isCoded ? code : 'BAD_USER_INPUT',
      ...(path === undefined ? {} : { path }),
    },
  };
}

// Errors without a path in the answer come from reading the query. Of those with one, graphql's own are faults of our
// answers (a null in a non-null field, a value that cannot be serialised), except for a required argument that was left out.
function isOfTheQuery(formatted: GraphQLFormattedError, original: GraphQLError): boolean {
  if (formatted.path === undefined) return true;
  const code = formatted.extensions?.['code'];
  if (typeof code === 'string' && code !== 'INTERNAL_SERVER_ERROR') return true;
  return /^Argument "\w+" of (non-null|required) type /.test(original.message);
}

// graphql-js wraps the errors of scalars and resolvers, and wraps those of variables twice.
function originalOf(error: unknown): unknown {
  let original = error;
  while (original instanceof GraphQLError && original.originalError) {
    original = original.originalError;
  }
  return original;
}
