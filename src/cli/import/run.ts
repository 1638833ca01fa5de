// The import: rows are read as a stream, checked one by one, and sent in batches. Nothing is kept between runs.
// The gateway knows every identity for ever, so an aborted run is simply repeated.

import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type {
  Gateway,
  HostingPeriodInput,
  Recorded,
  UsageEventInput,
} from '@billing-gateway/client';
import { parse, CsvError } from 'csv-parse';
import { UsageError } from '../command-line.ts';
import { ImportStopped, RowRejection, stoppedBy, ZoneNeeded } from './errors.ts';
import { RejectedFile, type Rejection } from './rejected-file.ts';
import {
  hostingPeriodOf,
  isWanted,
  registrationOf,
  usageEventOf,
  type Mapping,
  type Registration,
} from './rows.ts';
import { mappingOf, type Settings } from './settings.ts';
import { decodedText, requireEncoding } from './text.ts';
import type { Row } from './value.ts';

export interface Summary {
  read: number;
  accepted: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
  leftOut: number;
  /** The first event that was or would be sent, so that a user can check the flags. */
  firstEvent: Reported | null;
}

export type Progress = (bytesRead: number, summary: Readonly<Summary>) => void;

/** What a row becomes, by --as. */
type Reported = UsageEventInput | HostingPeriodInput;

interface Pending {
  readonly row: Row;
  readonly event: Reported;
  readonly registration: Registration | null;
}

const RECORD_SIZE_MAX = 1_048_576;

/**
 * Imports the file. @param client null for a dry run
 * @throws UsageError when the file is not in its encoding, or the flags do not fit its header
 * @throws ImportStopped when the gateway refuses a whole call or cannot be reached
 */
export async function importFile(
  settings: Settings,
  client: Gateway | null,
  progress: Progress,
): Promise<Summary> {
  const { file, encoding } = settings;
  await requireEncoding(file, encoding);
  const input = createReadStream(file);
  const text = Readable.from(decodedText(input, file, encoding));
  const parser = parse({
    delimiter: delimiterOf(settings),
    info: true,
    // By default the parser takes the first line ending that it finds for the only one, and would join rows.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_SIZE_MAX,
  });
  text.on('error', (error) => parser.destroy(error));
  let run: ImportRun | null = null;
  try {
    for await (const item of text.pipe(parser)) {
      const row = rowOf(item);
      if (run === null) {
        run = await ImportRun.start(settings, client, row.cells);
        continue;
      }
      if (await run.take(row)) progress(input.bytesRead, run.summary);
    }
    if (run === null) throw new UsageError(`${settings.file} is empty: a header line is needed.`);
    await run.send();
    progress(input.bytesRead, run.summary);
    return run.summary;
  } catch (error) {
    throw error instanceof CsvError ? new ImportStopped(csvTrouble(settings, error)) : error;
  } finally {
    input.destroy();
    await run?.rejectedFile.close();
  }
}

class ImportRun {
  readonly summary: Summary = {
    read: 0,
    accepted: 0,
    duplicates: 0,
    conflicts: 0,
    rejected: 0,
    leftOut: 0,
    firstEvent: null,
  };
  private readonly registered = new Set<string>();
  private pending: Pending[] = [];
  private refused: Rejection[] = [];

  private constructor(
    private readonly settings: Settings,
    private readonly target: {
      readonly client: Gateway | null;
      readonly accountId: string | null;
    },
    private mapping: Mapping,
    readonly rejectedFile: RejectedFile,
  ) {}

  static async start(
    settings: Settings,
    client: Gateway | null,
    columns: readonly string[],
  ): Promise<ImportRun> {
    requireDelimiter(settings, columns);
    const twice = columns.find((name, index) => columns.indexOf(name) !== index);
    if (twice !== undefined) throw new UsageError(`The file has two columns named "${twice}".`);
    const mapping = mappingOf(settings, columns);
    const externalId = settings.accountExternalId;
    const accountId =
      client === null || externalId === null
        ? settings.accountId
        : await accountIdOf(client, externalId);
    const rejectedFile = new RejectedFile(settings.rejectedFile, columns, {
      delimiter: delimiterOf(settings),
      isMarked: settings.encoding !== 'utf-8',
    });
    await rejectedFile.clear();
    return new ImportRun(settings, { client, accountId }, mapping, rejectedFile);
  }

  /** Converts a row; true when it completed a batch, which was then sent. */
  async take(row: Row): Promise<boolean> {
    this.summary.read += 1;
    try {
      const pending = await this.judgeInZone(row);
      if (pending === null) this.summary.leftOut += 1;
      else this.pending.push(pending);
    } catch (error) {
      if (!(error instanceof RowRejection)) throw error;
      this.refuse({ row, code: 'BAD_USER_INPUT', reason: error.message });
    }
    if (this.pending.length + this.refused.length < this.settings.batch) return false;
    await this.send();
    return true;
  }

  /** Sends the pending rows and writes the rejected ones. */
  async send(): Promise<void> {
    const batch = this.pending;
    this.pending = [];
    if (batch.length > 0) {
      this.summary.firstEvent ??= batch[0]?.event ?? null;
      await this.sendBatch(batch);
    }
    const refused = this.refused;
    this.refused = [];
    await this.rejectedFile.write(refused);
  }

  private async judgeInZone(row: Row): Promise<Pending | null> {
    try {
      return this.judge(row);
    } catch (error) {
      if (!(error instanceof ZoneNeeded)) throw error;
      const zone = await this.findZone(`Line ${row.line}: ${error.message}`);
      this.mapping = { ...this.mapping, time: { ...this.mapping.time, zone } };
      return this.judge(row);
    }
  }

  /** The account's zone. @param cause the reason to ask for it, as a sentence */
  private async findZone(cause: string): Promise<string> {
    const { client, accountId } = this.target;
    if (client === null) {
      throw new UsageError(`${cause} Say its --zone: a dry run does not ask for the account's.`);
    }
    try {
      return await timeZoneOf(client, accountId);
    } catch (error) {
      if (!(error instanceof ImportStopped)) throw error;
      throw new ImportStopped(
        `${cause} Say its --zone, like Europe/Berlin: the account's could not be asked for. ${error.message}`,
      );
    }
  }

  private judge(row: Row): Pending | null {
    if (row.cells.length !== this.mapping.columnCount) {
      throw new RowRejection(
        `The row has ${row.cells.length} cells; the header has ${this.mapping.columnCount}.`,
      );
    }
    if (!isWanted(row, this.mapping)) return null;
    const { as, register } = this.settings;
    const event =
      as === 'usage' ? usageEventOf(row, this.mapping) : hostingPeriodOf(row, this.mapping);
    return { row, event, registration: register ? registrationOf(row, this.mapping) : null };
  }

  private async sendBatch(batch: readonly Pending[]): Promise<void> {
    const { client, accountId } = this.target;
    if (client === null) {
      this.summary.accepted += batch.length;
      return;
    }
    await this.register(client, batch);
    this.count(batch, await answered(client, recordBatch(client, accountId, batch)));
  }

  private async register(client: Gateway, batch: readonly Pending[]): Promise<void> {
    const unknown = new Map<string, Registration>();
    for (const { registration } of batch) {
      if (registration !== null && !this.registered.has(registration.key)) {
        unknown.set(registration.key, registration);
      }
    }
    if (unknown.size === 0) return;
    await answered(client, registerAll(client, this.target.accountId, [...unknown.values()]));
    for (const key of unknown.keys()) this.registered.add(key);
  }

  private count(batch: readonly Pending[], recorded: Recorded<unknown>): void {
    this.summary.accepted += recorded.accepted;
    this.summary.duplicates += recorded.duplicates;
    for (const { index, outcome, code, message } of recorded.refusals) {
      const row = batch[index]?.row;
      if (row !== undefined) this.refuse({ row, code, reason: message }, outcome);
    }
  }

  private refuse(rejection: Rejection, outcome = 'REJECTED'): void {
    if (outcome === 'CONFLICT') this.summary.conflicts += 1;
    else this.summary.rejected += 1;
    this.refused.push(rejection);
  }
}

/** The id of an account, for an operator's key. @throws ImportStopped when there is no such account */
async function accountIdOf(client: Gateway, externalId: string): Promise<string> {
  const { account } = await answered(client, client.account({ externalId }));
  if (account !== null) return account.id;
  throw new ImportStopped(`The gateway has no account with the external id "${externalId}".`);
}

/** The zone of an account; without an id, of the key's own. @throws ImportStopped, also when the key may not read it */
async function timeZoneOf(client: Gateway, accountId: string | null): Promise<string> {
  const { account } = await answered(client, client.account({ id: accountId }));
  if (account !== null) return account.timeZone;
  throw new ImportStopped('The gateway has no such account.');
}

/** Registers resources in one call and models one by one. */
async function registerAll(
  client: Gateway,
  accountId: string | null,
  registrations: readonly Registration[],
): Promise<void> {
  const resources = registrations.flatMap((one) => (one.isModel ? [] : [one.input]));
  if (resources.length > 0) await client.registerResources({ accountId, resources });
  for (const one of registrations) {
    if (one.isModel) await client.registerModel({ input: { accountId, ...one.input } });
  }
}

/** One call: batches are what the user asked for. */
function recordBatch(
  client: Gateway,
  accountId: string | null,
  batch: readonly Pending[],
): Promise<Recorded<unknown>> {
  const options = { accountId, chunk: batch.length, concurrency: 1 };
  const periods = batch.flatMap(({ event }) => ('from' in event ? [event] : []));
  if (periods.length > 0) return client.recordPeriods(periods, options);
  const events = batch.flatMap(({ event }) => ('from' in event ? [] : [event]));
  return client.record(events, options);
}

/** @throws ImportStopped when the gateway refuses the call, or cannot be reached */
async function answered<T>(client: Gateway, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw stoppedBy(error, client.connection.base);
  }
}

function delimiterOf({ delimiter }: Settings): string {
  return delimiter ?? ',';
}

function requireDelimiter({ file, delimiter }: Settings, columns: readonly string[]): void {
  const [only = '', ...others] = columns;
  if (delimiter !== null || others.length > 0) return;
  const looksLike = [';', '\t', '|'].find((character) => only.includes(character));
  if (looksLike === undefined) return;
  const said = looksLike === '\t' ? 'tab' : `'${looksLike}'`;
  throw new UsageError(
    `${file} has one column, named ${JSON.stringify(only)}; if ${said} parts its cells, say --delimiter ${said}.`,
  );
}

function rowOf(item: unknown): Row {
  // The parser's rows are typed any; its `info` option makes them {info, record}.
  if (typeof item === 'object' && item !== null && 'record' in item && 'info' in item) {
    const { record, info } = item;
    if (Array.isArray(record) && typeof info === 'object' && info !== null && 'lines' in info) {
      return { line: Number(info.lines), cells: record.map(String) };
    }
  }
  throw new ImportStopped('The CSV parser gave something that is not a row.');
}

function csvTrouble(settings: Settings, error: CsvError): string {
  return `${settings.file} is not a CSV file from here on: ${error.message}. The rows before were sent.`;
}
