import { type ErrorCode, GatewayError, RecordError } from '@billing-gateway/client';

/** What may be otherwise a little later. */
const UNANSWERED: readonly ErrorCode[] = ['NETWORK', 'TIMEOUT', 'UNAVAILABLE', 'RATE_LIMITED'];

/** What the gateway says, or how it could not be asked, as the end of the import. Anything else is as it was. */
export function stoppedBy(error: unknown, url: string): unknown {
  if (!(error instanceof GatewayError)) return error;
  const cause = error instanceof RecordError ? error.cause : error;
  const message = cause instanceof Error ? cause.message : error.message;
  if (UNANSWERED.includes(error.code)) {
    return new ImportStopped(
      `The gateway at ${url} did not answer (${message}). What it answered before is recorded; ` +
        'run the same command again: it goes on, and nothing is counted twice.',
    );
  }
  if (error.code === 'BAD_ANSWER') return new ImportStopped(`${message} Is --url right?`);
  return new ImportStopped(`The gateway refused the call: ${message} (${error.code})`);
}

/** The import cannot continue: it ends with status 1. Rows that were recorded before stay recorded. */
export class ImportStopped extends Error {
  override readonly name = 'ImportStopped';
}

/** A row has a date without a time, and the zone of that date is not known yet. */
export class ZoneNeeded extends Error {
  override readonly name = 'ZoneNeeded';
}

/** One row that cannot become an event. The import continues with the next row. */
export class RowRejection extends Error {
  override readonly name = 'RowRejection';
}
