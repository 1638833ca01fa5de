import { open, rm, type FileHandle } from 'node:fs/promises';
import type { Row } from './value.ts';

export interface Rejection {
  readonly row: Row;
  readonly code: string;
  readonly reason: string;
}

/** The rows that were not recorded, in their original form, with line, code and reason. Written only when there are any. */
export class RejectedFile {
  private handle: FileHandle | null = null;

  constructor(
    readonly path: string,
    private readonly columns: readonly string[],
    private readonly format: { readonly delimiter: string; readonly isMarked: boolean },
  ) {}

  /** Removes the file of an earlier run, so that it is always of the last run. */
  async clear(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async write(rejections: readonly Rejection[]): Promise<void> {
    if (rejections.length === 0) return;
    const lines = rejections.map(({ row, code, reason }) =>
      this.csvLine([...this.padded(row.cells), row.line.toString(), code, reason]),
    );
    if (this.handle === null) {
      this.handle = await open(this.path, 'w');
      const header = [...this.columns, 'rejected_line', 'rejected_code', 'rejected_reason'];
      // The file is UTF-8. The mark keeps programs from reading it in the encoding of the imported file.
      lines.unshift(`${this.format.isMarked ? '\ufeff' : ''}${this.csvLine(header)}`);
    }
    await this.handle.appendFile(lines.join(''));
  }

  async close(): Promise<void> {
    await this.handle?.close();
  }

  private csvLine(cells: readonly string[]): string {
    const { delimiter } = this.format;
    return `${cells.map((cell) => quoted(cell, delimiter)).join(delimiter)}\n`;
  }

  private padded(cells: readonly string[]): readonly string[] {
    return this.columns.map((_, index) => cells[index] ?? '');
  }
}

function quoted(cell: string, delimiter: string): string {
  return cell.includes(delimiter) || /["\r\n]/.test(cell)
    ? `"${cell.replaceAll('"', '""')}"`
    : cell;
}
