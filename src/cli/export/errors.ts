/** The export cannot be completed: the command ends with status 1, and leaves no file. */
export class ExportStopped extends Error {
  override readonly name = 'ExportStopped';
}
