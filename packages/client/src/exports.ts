// Exports: what an account used and was charged, as rows that go on with the same set after any loss, or as a file.

import { type CallOptions, type Connection, throwIfAborted } from './connection.ts';
import { type ErrorCode, failureOf, GatewayError } from './errors.ts';
import { countedMicro, decimalOf, type ExportName, type ExportRows } from './export-rows.ts';
import type { DateRangePreset, Granularity, UsageDimension } from './operations.ts';
import { refusalOf } from './request.ts';
import { backoffMs, pause } from './wait.ts';

export type * from './export-rows.ts';

/** Longer than a gateway that is alive leaves nothing to be read. */
const SILENCE_MOST_MS = 120_000;
const WAIT_MOST_MS = 15_000;
/** In a row, once rows came. Each call is sent again for a while besides, so that they outlast a gateway that starts anew. */
const LOSSES_MOST = 8;
/** Failures after which it is worth going on. */
const PASSING: readonly ErrorCode[] = ['NETWORK', 'TIMEOUT', 'UNAVAILABLE', 'RATE_LIMITED'];

/** What an export is of; docs/exports.md describes each. */
export interface ExportParameters {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly fromDay?: string | undefined;
  readonly toDay?: string | undefined;
  readonly preset?: DateRangePreset | undefined;
  readonly timeZone?: string | undefined;
  /** For an operator's key, which belongs to no account. */
  readonly accountId?: string | undefined;
  /** Of usage and focus; NONE: each row of usage covers the range. */
  readonly granularity?: Granularity | 'NONE' | undefined;
  /** Of usage. */
  readonly groupBy?: readonly UsageDimension[] | undefined;
  /** Of focus. */
  readonly version?: string | undefined;
}

/** A place to go on from: `asOf` of the first line, and the cursor of the last row that was kept. */
export interface ExportPlace {
  readonly asOf: string;
  readonly after: string;
}

export interface ExportOptions extends CallOptions {
  /** Goes on where another reading ended; within a day, with the same parameters. */
  readonly place?: ExportPlace | undefined;
  /** The first line: the range as it was resolved, and `asOf`. */
  readonly onStart?: ((start: ExportStart) => void) | undefined;
  /** Told when the connection was lost and the reading will go on. */
  readonly onLoss?: ((error: GatewayError) => void) | undefined;
}

/** The first line of an export. */
export interface ExportStart {
  readonly export: ExportName;
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
  readonly now: string;
  readonly asOf: string;
  /** Of its run. */
  readonly id: string;
}

/** What rows came to. */
export interface ExportEnd {
  readonly rows: number;
  /** Credits in millionths; null where the rows have none. */
  readonly creditsMicro: string | null;
  readonly credits: string | null;
}

/** A line of NDJSON: its text without the line's end, and what it says. */
export type ExportLine<TName extends ExportName> =
  | { readonly type: 'start'; readonly text: string; readonly start: ExportStart }
  | { readonly type: 'row'; readonly text: string; readonly row: ExportedRow<TName> }
  | { readonly type: 'end'; readonly text: string; readonly end: ExportEnd };

/** A row and its cursor. */
export type ExportedRow<TName extends ExportName> = ExportRows[TName] & {
  readonly cursor: string;
};

/** What an export came to, or has come to so far. */
export interface ExportRun extends ExportEnd {
  readonly id: string;
  readonly export: ExportName;
  readonly format: 'csv' | 'ndjson';
  readonly state: 'RUNNING' | 'COMPLETE' | 'ABORTED' | 'FAILED';
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  /** Of all bytes, in hex; null unless it is complete. */
  readonly sha256: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
}

/** Whatever has a connection: a gateway of this client. */
export interface Connected {
  readonly connection: Connection;
}

/**
 * The rows of an export, each once. When the connection is lost or the gateway is killed, the reading goes on after the last row, with
 * the rows that there were at the beginning. The loop ends when all rows came, and their number and credits are those that the
 * gateway says.
 * @throws GatewayError when it cannot go on
 */
export async function* exportRows<TName extends ExportName>(
  gateway: Connected,
  name: TName,
  parameters: ExportParameters,
  options: ExportOptions = {},
): AsyncGenerator<ExportedRow<TName>, ExportEnd, undefined> {
  for await (const lines of exportLines(gateway, name, parameters, options)) {
    for (const line of lines) {
      if (line.type === 'start') options.onStart?.(line.start);
      else if (line.type === 'row') yield line.row;
      else return line.end;
    }
  }
  throw new GatewayError('BAD_ANSWER', 'The export ended without its last line.');
}

/**
 * The same as lines, for a file of NDJSON: one start, the rows and one end for all of them, however often the reading had to go on. They
 * come as many at a time as arrive together.
 * @throws GatewayError when it cannot go on
 */
export async function* exportLines<TName extends ExportName>(
  { connection }: Connected,
  name: TName,
  parameters: ExportParameters,
  options: ExportOptions = {},
): AsyncGenerator<readonly ExportLine<TName>[], void, undefined> {
  const reading = new Reading(name, options.place);
  for (let losses = 0; ;) {
    try {
      yield* linesOfAnswer(reading, connection, pathOf(name, parameters, reading.place), options);
      return;
    } catch (thrown) {
      // After its last line, all has come.
      if (reading.isWhole) return;
      const error = failureOf(thrown, `Reading ${connection.base}`);
      losses = reading.endAnswer() > 0 ? 1 : losses + 1;
      const most = reading.place === null ? 1 : LOSSES_MOST;
      if (losses > most || !PASSING.includes(error.code)) throw error;
      options.onLoss?.(error);
      await pause(backoffMs(losses, WAIT_MOST_MS, error.retryAfterSeconds), options.signal);
    }
  }
}

async function* linesOfAnswer<TName extends ExportName>(
  reading: Reading<TName>,
  connection: Connection,
  path: string,
  options: CallOptions,
): AsyncGenerator<readonly ExportLine<TName>[], void, undefined> {
  const response = await open(connection, path, 'ndjson', options);
  for await (const texts of textLines(response, options.signal)) {
    const lines = reading.take(texts);
    if (lines.length > 0) yield lines;
  }
  if (reading.isWhole) return;
  throw new GatewayError('NETWORK', 'The answer ended before its last line.');
}

/** How far the lines of an export have come, over all answers. */
class Reading<TName extends ExportName> {
  isWhole = false;
  /** Held back until a row follows: until then it may begin again, with another start. */
  private start: ExportLine<TName> | null = null;
  private asOf: string | null;
  private cursor: string | null;
  private all = { rows: 0, micro: 0n };
  private ofAnswer = { rows: 0, micro: 0n };

  constructor(
    private readonly name: TName,
    place: ExportPlace | undefined,
  ) {
    this.asOf = place?.asOf ?? null;
    this.cursor = place?.after ?? null;
  }

  /** Where the next answer goes on; null: it begins. */
  get place(): ExportPlace | null {
    const { asOf, cursor } = this;
    return asOf === null || cursor === null ? null : { asOf, after: cursor };
  }

  /** Another answer follows. @returns how many rows came with this one */
  endAnswer(): number {
    const { rows } = this.ofAnswer;
    this.ofAnswer = { rows: 0, micro: 0n };
    return rows;
  }

  /** The lines of an answer as those of the whole. @throws GatewayError when they are not what the answer says they are */
  take(texts: readonly string[]): readonly ExportLine<TName>[] {
    const lines: ExportLine<TName>[] = [];
    for (const text of texts) {
      const said = parsed(text);
      if (said.type === 'start') {
        this.takeStart(text, said as unknown as ExportStart);
        continue;
      }
      if (this.start !== null) lines.push(this.start);
      this.start = null;
      if (said.type === 'row')
        lines.push(this.takeRow(text, said as unknown as ExportedRow<TName>));
      else if (said.type === 'end') lines.push(this.takeEnd(text, said as unknown as ExportEnd));
    }
    return lines;
  }

  private takeStart(text: string, start: ExportStart): void {
    if (this.all.rows > 0) return;
    this.asOf = start.asOf;
    this.start = { type: 'start', text, start };
  }

  private takeRow(text: string, row: ExportedRow<TName>): ExportLine<TName> {
    const micro = countedMicro(this.name, row);
    this.cursor = row.cursor;
    this.all = { rows: this.all.rows + 1, micro: this.all.micro + micro };
    this.ofAnswer = { rows: this.ofAnswer.rows + 1, micro: this.ofAnswer.micro + micro };
    return { type: 'row', text, row };
  }

  private takeEnd(text: string, end: ExportEnd): ExportLine<TName> {
    const { rows, micro } = this.ofAnswer;
    if (end.rows !== rows || (end.creditsMicro !== null && end.creditsMicro !== micro.toString())) {
      throw new GatewayError(
        'BAD_ANSWER',
        `What arrived is not what was sent: ${rows} rows and ${decimalOf(micro)} credits of ${end.rows} and ${String(end.credits)}.`,
      );
    }
    this.isWhole = true;
    if (this.all.rows === rows) return { type: 'end', text, end };
    const hasCredits = end.creditsMicro !== null;
    const whole = {
      type: 'end',
      rows: this.all.rows,
      creditsMicro: hasCredits ? this.all.micro.toString() : null,
      credits: hasCredits ? decimalOf(this.all.micro) : null,
    } as const;
    return { type: 'end', text: JSON.stringify(whole), end: whole };
  }
}

/** An export as bytes, in either format. It cannot go on after a loss: whoever loses it begins anew. */
export interface ExportFile {
  /** Of its run: `exportRun` tells what it came to once all bytes are read. */
  readonly id: string;
  /** "usage-2026-03-01-2026-03-31.csv" */
  readonly fileName: string;
  /** @throws GatewayError when it breaks off */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * An export as a file. A lost connection may look like the end of CSV: compare what arrived with its run.
 * @param parameters with `bom`, CSV begins with a byte order mark
 * @throws GatewayError when it is refused
 */
export async function exportFile(
  { connection }: Connected,
  name: ExportName,
  parameters: ExportParameters & { readonly format: 'csv' | 'ndjson'; readonly bom?: boolean },
  options: CallOptions = {},
): Promise<ExportFile> {
  const { format, ...others } = parameters;
  const response = await open(connection, pathOf(name, others, null), format, options);
  const named = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '');
  return {
    id: response.headers.get('x-export-id') ?? '',
    fileName: named?.[1] ?? `${name}.${format}`,
    bytes: bytesOf(response, options.signal),
  };
}

/** What an export came to, by the id of its run. @throws GatewayError */
export function exportRun(
  { connection }: Connected,
  id: string,
  options: CallOptions = {},
): Promise<ExportRun> {
  return connection.call(
    `/v1/exports/runs/${encodeURIComponent(id)}`,
    { ...options, method: 'GET', retry: true },
    async (response) => {
      if (!response.ok) throw refusalOf(response, await response.text());
      return (await response.json()) as ExportRun;
    },
  );
}

const accepted = { csv: 'text/csv', ndjson: 'application/x-ndjson' } as const;

function open(
  connection: Connection,
  path: string,
  format: keyof typeof accepted,
  { signal, timeoutMs }: CallOptions,
): Promise<Response> {
  const headers = { accept: accepted[format] };
  const sent = { method: 'GET', headers, signal, timeoutMs, retry: true } as const;
  return connection.call(path, sent, async (response) => {
    if (response.ok) return response;
    throw refusalOf(response, await response.text());
  });
}

type Parameter = string | boolean | readonly string[] | undefined;

function pathOf(
  name: ExportName,
  parameters: ExportParameters & { readonly bom?: boolean },
  place: ExportPlace | null,
): string {
  const query = new URLSearchParams();
  const all: Readonly<Record<string, Parameter>> = { ...parameters, ...place };
  for (const [key, value] of Object.entries(all)) {
    if (value !== undefined) query.set(key, String(value));
  }
  return `/v1/exports/${name}?${query.toString()}`;
}

/** The bytes of an answer. @throws GatewayError when it breaks off, or falls silent */
async function* bytesOf(
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const cancel = (): void => {
    reader.cancel().catch(() => undefined);
  };
  signal?.addEventListener('abort', cancel);
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      throwIfAborted(signal);
      if (done) return;
      yield value;
    }
  } catch (thrown) {
    throw failureOf(thrown, 'Reading the answer');
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}

async function inTime<T>(read: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new GatewayError('TIMEOUT', `Nothing came for ${SILENCE_MOST_MS / 1_000} s.`));
    }, SILENCE_MOST_MS);
  });
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** The whole lines of an answer, as many at a time as arrive together. What breaks off in the middle of one is left out. */
async function* textLines(
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly string[], void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of bytesOf(response, signal)) {
    const texts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = texts.pop() ?? '';
    if (texts.length > 0) yield texts;
  }
}

function parsed(text: string): { readonly type?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Falls through to the one message for every line that is none of an export.
  }
  throw new GatewayError('BAD_ANSWER', `This is no line of an export: ${text.slice(0, 80)}`);
}
