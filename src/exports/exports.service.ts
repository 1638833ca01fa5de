// Exports: who may have one, how many run at a time, and what is noted of each while it is sent.

import { createHash, randomUUID } from 'node:crypto';
import { requireAccount, requireScope } from '../access/authorize.ts';
import type { Account } from '../account/account.ts';
import { nowOf } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { type ResolvedRange, resolveRangeAt } from '../account/range.ts';
import { dayOf, isoLocal } from '../core/calendar.ts';
import type { Clock } from '../core/clock.ts';
import { NotFoundError, present, RateLimitedError, UserInputError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import { DAY_MS, HOUR_MS, isoInstant, lengthMs } from '../core/range.ts';
import {
  type Database,
  LONG_IDLE_MS,
  LONG_SNAPSHOTS_MAX,
  type Reads,
  type Snapshot,
} from '../db/database.ts';
import { whoseOf } from '../db/whose.ts';
import { csvForm } from './csv.ts';
import type { FocusParties } from './focus-rows.ts';
import { ndjsonForm } from './ndjson.ts';
import {
  decodeAsOf,
  encodeAsOf,
  type ExportAsOf,
  type ExportFormat,
  type ExportName,
  type ExportRequest,
  wrongAfter,
  wrongAsOf,
} from './request.ts';
import { loadAsOf } from './rows.store.ts';
import { type ExportRun } from './run.ts';
import { findRun, insertRun } from './runs.store.ts';
import { SentExport } from './sent.service.ts';
import { exportSets, type FormOf } from './sets.service.ts';
import type { ExportSource } from './source.service.ts';

const RETRY_AFTER_SECONDS = 10;
const FINGERPRINT_LENGTH = 16;
/** How far gateways' clocks may differ. */
const AHEAD_MAX_MS = 60_000;
/** For the rows of an account to be counted, and for a batch of them to be read. */
const STATEMENT_WITHIN_MS = 60_000;
const RUN_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

export interface ExportLimits {
  readonly days: number;
  readonly rows: number;
  /** Of one account at a time, over all gateways. */
  readonly perAccount: number;
  /** Of one gateway at a time. */
  readonly perGateway: number;
  /** How long a caller may take nothing: a snapshot of the database stays open meanwhile. In milliseconds. */
  readonly idleMs: number;
}

export const EXPORT_LIMITS: ExportLimits = {
  days: 366,
  rows: 5_000_000,
  perAccount: 2,
  perGateway: LONG_SNAPSHOTS_MAX,
  idleMs: LONG_IDLE_MS,
};

export interface ExportDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly exportLimits?: Partial<ExportLimits>;
  /** Whom FOCUS names. */
  readonly parties: FocusParties;
}

/** An export that begins. Whoever opened it reads its chunks, and ends it whatever happens. */
export interface OpenedExport {
  readonly runId: string;
  readonly format: ExportFormat;
  /** "usage-2026-03-01-2026-03-31.csv" */
  readonly fileName: string;
  /** After so long without anything being taken, it is to be ended. */
  readonly idleMs: number;
  readonly sent: Pick<SentExport, 'chunks' | 'end'>;
}

export class ExportService {
  private running = 0;
  private isStopping = false;
  private readonly sending = new Set<SentExport>();
  private readonly limits: ExportLimits;

  constructor(
    private readonly deps: ExportDeps,
    private readonly accounts: AccountService,
  ) {
    this.limits = { ...EXPORT_LIMITS, ...deps.exportLimits };
  }

  /**
   * Opens an export of one account.
   * @param reads what a read replica may answer; left out: nothing
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT (413 where there is too much), RATE_LIMITED where too many run
   */
  async open(actor: Actor, request: ExportRequest, reads?: Reads): Promise<OpenedExport> {
    const accountId = requireAccount(actor, 'READ_USAGE', {
      accountId: request.accountId,
      path: ['accountId'],
    });
    const release = this.takePlace();
    try {
      const { source, snapshot } = await this.openSource(actor, accountId, request, reads);
      try {
        return await this.begin(source, request, { snapshot, release });
      } catch (error) {
        await snapshot.close();
        throw error;
      }
    } catch (error) {
      release();
      throw error;
    }
  }

  /** From now on exports that end early do so because the gateway stops. */
  stop(): void {
    this.isStopping = true;
  }

  /** Ends all exports that still run, and waits until it is noted. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all([...this.sending].map((sent) => sent.end()));
  }

  /** What an export came to, or has come to so far. @throws FORBIDDEN, NOT_FOUND also for another account's */
  async getRun(actor: Actor, runId: string): Promise<ExportRun> {
    requireScope(actor, 'READ_USAGE');
    const run = RUN_ID.test(runId)
      ? await this.deps.database.inSnapshot(whoseOf(actor), (tx) => findRun(tx, runId))
      : null;
    if (run !== null) return run;
    throw new NotFoundError(
      `No export has the id ${JSON.stringify(runId.slice(0, 80))}; ids are in x-export-id.`,
    );
  }

  /** What is to be exported, and the snapshot that it is read in, which the caller closes. */
  private async openSource(
    actor: Actor,
    accountId: number,
    request: ExportRequest,
    reads?: Reads,
  ): Promise<{ readonly source: ExportSource; readonly snapshot: Snapshot }> {
    const snapshot = await this.deps.database.openLongSnapshot(accountId, reads);
    try {
      await snapshot.tx.allowLong(STATEMENT_WITHIN_MS);
      const source = await this.sourceOf(actor, accountId, request, snapshot);
      await exportSets[request.name].requireReady(source);
      await this.requireWithin(source, request.name);
      return { source, snapshot };
    } catch (error) {
      await snapshot.close();
      if (snapshot.isLost?.() !== true) throw error;
      // Nothing has been sent yet, so the database itself can answer from the start.
      return this.openSource(actor, accountId, request);
    }
  }

  private takePlace(): () => void {
    if (this.running >= this.limits.perGateway) {
      throw new RateLimitedError(
        `This gateway runs ${this.limits.perGateway} exports, as many as it can; please try again.`,
        RETRY_AFTER_SECONDS,
      );
    }
    this.running += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.running -= 1;
      isHeld = false;
    };
  }

  private async sourceOf(
    actor: Actor,
    accountId: number,
    request: ExportRequest,
    { tx }: Snapshot,
  ): Promise<ExportSource> {
    const { clock, parties } = this.deps;
    const account = await this.accounts.get(tx, accountId, request.accountId ?? undefined);
    const nowMs = nowOf(account, clock.nowMs());
    const { granularity, groupBy, version } = request;
    const of = { tx, actor, clock, account, granularity, groupBy, version, parties };
    if (request.resumed !== null) return { ...of, ...resumedAt(account, request, nowMs) };
    const asOf = await loadAsOf(tx, accountId, nowMs);
    return { ...of, range: resolveRangeAt(request.range, account, nowMs, []), asOf, after: null };
  }

  private async requireWithin(source: ExportSource, name: ExportName): Promise<void> {
    const { days, rows } = this.limits;
    const { range } = source;
    // A range of whole days may be an hour longer where the clock is put back.
    if (lengthMs(range) > days * DAY_MS + HOUR_MS) {
      const untilMs = range.fromMs + days * DAY_MS;
      throw tooMuch(
        `The range is longer than ${days} days, the most that one export covers: export it in parts, the first from ${isoInstant(range.fromMs)} to ${isoInstant(untilMs)}, the next from there.`,
      );
    }
    if (await exportSets[name].isWithin(source, rows)) return;
    const middleMs = range.fromMs + Math.floor(lengthMs(range) / 2);
    throw tooMuch(
      `The range has, or can have, more than ${rows} rows, the most that one export has: export it in parts, such as from ${isoInstant(range.fromMs)} to ${isoInstant(middleMs)} and from there to ${isoInstant(range.toMs)}.`,
    );
  }

  private async begin(
    source: ExportSource,
    request: ExportRequest,
    held: { readonly snapshot: Snapshot; readonly release: () => void },
  ): Promise<OpenedExport> {
    const { database } = this.deps;
    const { range, account } = source;
    const { accountId } = account;
    const { name, format } = request;
    const runId = randomUUID();
    const run = { runId, name, format, fromMs: range.fromMs, toMs: range.toMs };
    const { perAccount } = this.limits;
    const isFree = await database.inTransaction({ accountId }, (tx) =>
      insertRun(tx, accountId, run, perAccount),
    );
    if (!isFree) {
      throw new RateLimitedError(
        `${perAccount} exports of this account run, as many as may; please try again when one has ended.`,
        RETRY_AFTER_SECONDS,
      );
    }
    const set = exportSets[name];
    const parts = set.parts(source, formOf(source, request, runId));
    const sent = new SentExport({
      ...{ database, accountId, runId, parts, snapshot: held.snapshot },
      hasCredits: set.hasCredits,
      rowsMax: this.limits.rows,
      isStopping: () => this.isStopping,
      release: () => {
        this.sending.delete(sent);
        held.release();
      },
    });
    this.sending.add(sent);
    const fileName = `${name}-${daysOf(range)}.${format}`;
    return { runId, format, fileName, idleMs: this.limits.idleMs, sent };
  }
}

/** Where an earlier answer broke off. @throws UserInputError when it is of another export, account or range */
function resumedAt(
  account: Account,
  request: ExportRequest,
  nowMs: number,
): Pick<ExportSource, 'range' | 'asOf' | 'after'> {
  const { after, asOf: text } = present(request.resumed, 'an earlier answer');
  const { list, asOf } = decodeAsOf(text);
  if (asOf.nowMs > nowMs + AHEAD_MAX_MS) throw wrongAsOf();
  const range = resolveRangeAt(request.range, account, asOf.nowMs, []);
  if (list !== listOf(account, range, request)) throw wrongAsOf();
  if (!exportSets[request.name].isKey(after)) throw wrongAfter();
  return { range, asOf, after };
}

function tooMuch(message: string): UserInputError {
  return new UserInputError(message, { status: 413 });
}

/** What distinguishes an export from others of its account. */
function listOf(account: Account, range: ResolvedRange, request: ExportRequest): string {
  const { name } = request;
  const grouping = groupingOf(request);
  const of = [account.accountId, name, range.fromMs, range.toMs, range.timeZone, ...grouping];
  const hash = createHash('sha256').update(JSON.stringify(of)).digest('base64url');
  return hash.slice(0, FINGERPRINT_LENGTH);
}

/** What of a request decides which rows there are. */
function groupingOf({ name, granularity, groupBy, version }: ExportRequest): readonly unknown[] {
  if (name === 'usage') return [granularity, [...new Set(groupBy)].sort()];
  return name === 'focus' ? [granularity, version] : [];
}

function formOf(source: ExportSource, request: ExportRequest, runId: string): FormOf {
  const { range, asOf } = source;
  const { timeZone } = range;
  if (request.format === 'csv') {
    const instants = { utc: isoInstant, local: (atMs: number) => isoLocal(timeZone, atMs) };
    return (columns) => csvForm(columns, { bom: request.bom, instants });
  }
  const start = startOf(source, request, asOf);
  return (columns) => ndjsonForm(columns, { start: { ...start, id: runId }, utc: isoInstant });
}

function startOf(
  { account, range }: ExportSource,
  request: ExportRequest,
  asOf: ExportAsOf,
): object {
  return {
    export: request.name,
    ...(request.name === 'focus' ? { version: request.version } : {}),
    from: isoInstant(range.fromMs),
    to: isoInstant(range.toMs),
    timeZone: range.timeZone,
    now: isoInstant(asOf.nowMs),
    asOf: encodeAsOf(listOf(account, range, request), asOf),
  };
}

/** The first and the last local day of a range. */
function daysOf({ fromMs, toMs, timeZone }: ResolvedRange): string {
  const [first, last] = [fromMs, toMs - 1].map((atMs) => dayOf(timeZone, atMs) * DAY_MS);
  return [first, last].map((dayMs) => isoInstant(dayMs ?? 0).slice(0, 10)).join('-');
}
