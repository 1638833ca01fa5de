// One export into a file or to standard output. Rows of NDJSON go on after a loss; CSV begins anew, and is compared with what the
// gateway says that it sent.

import { createHash, type Hash } from 'node:crypto';
import { type Core, GatewayError } from '@billing-gateway/client';
import {
  exportFile,
  exportLines,
  type ExportLine,
  type ExportName,
  exportRun,
  type ExportStart,
} from '@billing-gateway/client/exports';
import { ExportStopped } from './errors.ts';
import type { Output } from './output.ts';
import type { Settings } from './settings.ts';

const CSV_ATTEMPTS = 5;

/** What was written so far. */
export interface Written {
  readonly rows: number;
  readonly bytes: number;
  /** From 0 to 1, by the time of the last row; null where rows are in no order of time. */
  readonly share: number | null;
}

export interface Outcome extends Written {
  /** Null: the rows have none. */
  readonly credits: string | null;
}

export interface Surroundings {
  readonly gateway: Core;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly progress: (written: Written) => void;
  /** Says what went wrong and is tried again. */
  readonly say: (sentence: string) => void;
}

/** Writes all of an export. @throws GatewayError, ExportStopped */
export function writeExport(
  settings: Settings,
  accountId: string | undefined,
  around: Surroundings,
): Promise<Outcome> {
  const { parameters } = settings;
  const of = { ...settings, parameters: { ...parameters, accountId } };
  return settings.format === 'csv' ? writeCsv(of, around) : writeLines(of, around);
}

async function writeLines(
  { name, parameters }: Settings,
  { gateway, output, signal, progress, say }: Surroundings,
): Promise<Outcome> {
  let [rows, bytes, credits] = [0, 0, null as string | null];
  let start: ExportStart | null = null;
  const onLoss = (error: GatewayError): void => {
    say(`${error.message} Going on after row ${rows} …`);
  };
  for await (const lines of exportLines(gateway, name, parameters, { signal, onLoss })) {
    const data = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
    await output.write(data);
    bytes += data.length;
    const [first] = lines;
    const last = lines.at(-1);
    if (first?.type === 'start') ({ start } = first);
    rows += lines.filter(({ type }) => type === 'row').length;
    if (last?.type === 'end') ({ credits } = last.end);
    progress({ rows, bytes, share: shareOf(name, start, last) });
  }
  return { rows, bytes, credits, share: 1 };
}

/** The exports whose rows are in the order of time, and what tells a row's. */
const times: Partial<Record<ExportName, string>> = {
  usage: 'from',
  events: 'occurredAt',
  ledger: 'bookedAt',
  alerts: 'crossedAt',
};

/** Whether it can be told how much of an export there still is. */
export function isShareKnown({ name, format }: Settings): boolean {
  return format === 'ndjson' && times[name] !== undefined;
}

function shareOf(
  name: ExportName,
  start: ExportStart | null,
  line: ExportLine<ExportName> | undefined,
): number | null {
  const time = times[name];
  if (time === undefined || start === null || line?.type !== 'row') return null;
  const row: object = line.row;
  const told: unknown = Object.entries(row).find(([column]) => column === time)?.[1];
  const [fromMs, toMs, nowMs] = [start.from, start.to, start.now].map((text) => Date.parse(text));
  const endMs = Math.min(toMs ?? 0, nowMs ?? 0);
  return (Date.parse(String(told)) - (fromMs ?? 0)) / Math.max(1, endMs - (fromMs ?? 0));
}

async function writeCsv(settings: Settings, around: Surroundings): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    const problem = await attemptCsv(settings, around);
    if (typeof problem !== 'string') return problem;
    if (attempt === CSV_ATTEMPTS || !around.output.canBeginAnew) {
      throw new ExportStopped(
        `${problem} CSV cannot go on where it broke off; --format ndjson can.`,
      );
    }
    around.say(`${problem} Beginning anew …`);
    await around.output.beginAnew();
  }
}

/** @returns what went wrong on the way, where another attempt may not */
async function attemptCsv(
  { name, parameters, bom }: Settings,
  { gateway, output, signal, progress }: Surroundings,
): Promise<Outcome | string> {
  const { id, bytes } = await exportFile(
    gateway,
    name,
    { ...parameters, format: 'csv', ...(bom ? { bom } : {}) },
    { signal },
  );
  const arrived = new CountedCsv();
  try {
    for await (const data of bytes) {
      arrived.take(data);
      await output.write(data);
      progress({ ...arrived.counts, share: null });
    }
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code === 'ABORTED') throw error;
    return error.message;
  }
  const run = await exportRun(gateway, id, { signal });
  if (run.state === 'COMPLETE' && run.sha256 === arrived.sha256()) {
    return { ...arrived.counts, credits: run.credits, share: 1 };
  }
  const { bytes: count } = arrived.counts;
  return `The answer broke off: ${count} bytes arrived, the gateway says ${run.bytes} and ${run.state}.`;
}

/** What arrived of CSV. */
class CountedCsv {
  private readonly hash: Hash = createHash('sha256');
  private lines = 0;
  private bytes = 0;
  private isQuoted = false;

  take(data: Uint8Array): void {
    this.hash.update(data);
    this.bytes += data.length;
    for (const byte of data) {
      // A quote within quotes is doubled, so it closes and opens them.
      if (byte === QUOTE) this.isQuoted = !this.isQuoted;
      else if (byte === LINE_FEED && !this.isQuoted) this.lines += 1;
    }
  }

  /** Without the line of names. */
  get counts(): { readonly rows: number; readonly bytes: number } {
    return { rows: Math.max(0, this.lines - 1), bytes: this.bytes };
  }

  sha256(): string {
    return this.hash.digest('hex');
  }
}

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
