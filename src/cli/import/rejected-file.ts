import { open, rm, type FileHandle } from 'node:fs/promises';
import type { Row } from './value.ts';

export interface Rejection {
  readonly row: Row;
  readonly code: string;
  readonly reason: string;
}

/** The rows that were not recorded, as they stood, with line, code and reason. Written only when there are any. */
export class RejectedFile {
  private handle: FileHandle | null = null;

  constructor(
    readonly path: string,
    private readonly columns: readonly string[],
  ) {}

  /** Removes what an earlier run left, so that the file always tells of the last one. */
  async clear(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async write(rejections: readonly Rejection[]): Promise<void> {
    if (rejections.length === 0) return;
    const lines = rejections.map(({ row, code, reason }) =>
      csvLine([...this.padded(row.cells), row.line.toString(), code, reason]),
    );
    if (this.handle === null) {
      this.handle = await open(this.path, 'w');
      lines.unshift(
        csvLine([...this.columns, 'rejected_line', 'rejected_code', 'rejected_reason']),
      );
    }
    await this.handle.appendFile(lines.join(''));
  }

  async close(): Promise<void> {
    await this.handle?.close();
  }

  private padded(cells: readonly string[]): readonly string[] {
    return this.columns.map((_, index) => cells[index] ?? '');
  }
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map(quoted).join(',')}\n`;
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
