/** The arguments are wrong: the command ends with status 2 before anything is sent. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
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
