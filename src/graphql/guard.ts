// How errors are told to callers: ours with their code and argument path, those of the query as graphql-js words them,
// and a fault of our own as a reference id, with the details in the log only.

import { randomUUID } from 'node:crypto';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { GatewayError, type ErrorPath } from '../core/errors.ts';
import { sqlState } from '../db/database.ts';

/** Apollo's formatError. @param onFault is given what the caller is not told */
export function errorFormatter(
  onFault: (error: unknown) => void,
): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  return (formatted, error) => {
    const original = originalOf(error);
    if (original instanceof GatewayError) {
      const place = variablePath(formatted.message);
      const path = original.argumentPath ?? place;
      return {
        ...formatted,
        message: place === undefined ? original.message : `${place.join('.')}: ${original.message}`,
        extensions: { code: original.code, ...(path === undefined ? {} : { path }) },
      };
    }
    const code = formatted.extensions?.['code'];
    if (typeof code === 'string' && code !== 'INTERNAL_SERVER_ERROR') {
      return { ...formatted, extensions: { code } };
    }
    if (original instanceof GraphQLError) {
      return { ...formatted, extensions: { code: 'BAD_USER_INPUT' } };
    }
    onFault(error);
    if (sqlState(original) !== null) {
      return { ...formatted, message: 'The database is not available; try again.', extensions: { code: 'UNAVAILABLE' } };
    }
    const reference = randomUUID();
    return {
      ...formatted,
      message: `Something went wrong on our side; quote reference ${reference}.`,
      extensions: { code: 'INTERNAL_SERVER_ERROR', reference },
    };
  };
}

// A scalar refuses a value without knowing where it stands; the executor's sentence does: at "events[17].credits".
function variablePath(message: string): ErrorPath | undefined {
  const variable = /^Variable "\$(\w+)" got invalid value/.exec(message)?.[1];
  if (variable === undefined) return undefined;
  const place = / at "\w+([^"]*)"; Expected type /.exec(message)?.[1] ?? '';
  const below = [...place.matchAll(/\[(\d+)\]|\.(\w+)/g)];
  return [variable, ...below.map(([, index, field]) => (index === undefined ? (field ?? '') : Number(index)))];
}

// graphql-js wraps what a scalar or a resolver threw, a bad variable twice.
function originalOf(error: unknown): unknown {
  let original = unwrapResolverError(error);
  while (original instanceof GraphQLError && original.originalError !== undefined) {
    original = original.originalError;
  }
  return original;
}
