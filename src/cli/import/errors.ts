/** The command was called wrongly: it ends with status 2 before anything is sent. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The import cannot go on: it ends with status 1. What was answered before stays recorded. */
export class ImportStopped extends Error {
  override readonly name = 'ImportStopped';
}

/** A row has a date without a time, and the zone whose day it is has to be found first. */
export class ZoneNeeded extends Error {
  override readonly name = 'ZoneNeeded';
}

/** One row that cannot be an event. The rest of the file goes on. */
export class RowRejection extends Error {
  override readonly name = 'RowRejection';
}
