// Recording: GraphQL, CloudEvents and the import all call record(), which takes a batch. Events of an account are
// committed one batch after the other; calls that arrive meanwhile share the next commit. The answer follows the commit.

import { LRUCache } from 'lru-cache';
import { requireAccount } from '../access/authorize.ts';
import { loadHardware, loadRates } from '../catalogue/catalogue.store.ts';
import { invariant, UserInputError, type ErrorPath } from '../core/errors.ts';
import { type Actor } from '../core/identity.ts';
import type { TakeEvents } from '../core/rate.ts';
import type { OpenAccount, SettlementService } from '../settlement/settlement.service.ts';
import { recordUsage } from '../engine/writes.ts';
import type { Tx } from '../db/database.ts';
import { insertSegments, loadOverlapping } from '../hosting/hosting.store.ts';
import { resolveModelIds, resolveModelRefs } from '../resources/models.store.ts';
import {
  raiseRecordedHosting,
  resolveResourceIds,
  resolveResourceRefs,
  type RecordedHosting,
} from '../resources/resources.store.ts';
import { usageToCharge } from './charge-usage.ts';
import { CommitQueue } from './commit-queue.ts';
import {
  EVENTS_PER_CALL_MAX,
  identityKey,
  isRejection,
  refusedByWindow,
  type IngestWindow,
  type Rejection,
  type SubjectRef,
  type UsageEvent,
} from './event.ts';
import { parseHostingPeriod, parseUsageEvent, type RawFields } from './parse-event.ts';
import { compareContents, insertEvents, isIdentityTaken, loadRecorded } from './events.store.ts';
import {
  admit,
  runsLeft,
  type AdmissionFacts,
  type EventOutcome,
  type NewEvent,
  type BatchOutcome,
} from './admission.ts';
import { startUnits } from '../rollups/units.store.ts';
import { HostedTimes, profilesByName, type PricedProfile } from './periods.ts';

const SUBJECTS_REMEMBERED = 100_000;
const ACCOUNTS_REMEMBERED = 10_000;

/** One report of a client: its fields, or why they could not be read. */
export type Report =
  | { readonly as: 'event' | 'period'; readonly fields: RawFields }
  | { readonly as: 'unreadable'; readonly rejection: Rejection };

/** The outcome of an event that was not accepted. */
export type EventResult = Exclude<EventOutcome, { outcome: 'ACCEPTED' }> & {
  readonly index: number;
};

export interface RecordResult {
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly rejected: number;
  /** The results of those that were not accepted, in order. */
  readonly results: readonly EventResult[];
}

export interface IngestOptions extends IngestWindow {
  /** Called after each commit that recorded something. */
  readonly onRecorded: (accountId: number, events: number) => void;
  /** Left out: any number is taken. */
  readonly takeEvents?: TakeEvents | undefined;
}

export class IngestService {
  private readonly commits = new CommitQueue<UsageEvent, EventOutcome>(
    (accountId, events) => this.commit(accountId, events),
    EVENTS_PER_CALL_MAX,
  );
  /** Ids never change and are never reused, so they can be cached for ever. */
  private readonly subjectIds = new LRUCache<string, number>({ max: SUBJECTS_REMEMBERED });
  /** Accounts whose units are folded, by a commit of this gateway. */
  private readonly haveUnits = new LRUCache<number, true>({ max: ACCOUNTS_REMEMBERED });
  /** Accounts whose latest commit here had events that were recorded before. */
  private readonly repeating = new LRUCache<number, true>({ max: ACCOUNTS_REMEMBERED });

  constructor(
    private readonly settlements: SettlementService,
    private readonly options: IngestOptions,
  ) {}

  /**
   * Records events and hosting periods of one account. Each is judged separately; the accepted ones are committed together.
   * @param named.path the argument that holds the reports, for errors
   * @throws FORBIDDEN, NOT_FOUND; BAD_USER_INPUT for more than EVENTS_PER_CALL_MAX reports; RATE_LIMITED; UNAVAILABLE
   */
  async record(
    actor: Actor,
    named: { readonly accountId?: string | null | undefined; readonly path: ErrorPath },
    reports: readonly Report[],
  ): Promise<RecordResult> {
    const accountId = requireAccount(actor, 'INGEST', {
      accountId: named.accountId,
      path: ['accountId'],
    });
    if (reports.length > EVENTS_PER_CALL_MAX) {
      const listed = named.path.at(-1) ?? 'The batch';
      throw new UserInputError(
        `${listed} has ${reports.length} entries; at most ${EVENTS_PER_CALL_MAX} are accepted in one call.`,
        { path: named.path },
      );
    }
    await this.options.takeEvents?.(accountId, reports.length);
    const read = reports.map((report) => readReport(report, accountId));
    const events = read.filter((one): one is UsageEvent => !isRejection(one));
    return summary(read, await this.commits.submit(accountId, events));
  }

  private async commit(
    accountId: number,
    events: readonly UsageEvent[],
  ): Promise<readonly EventOutcome[]> {
    const outcome = await this.recordOnce(accountId, events);
    const isRepeated = outcome.judged.some(isKnown);
    if (isRepeated) this.repeating.set(accountId, true);
    else this.repeating.delete(accountId);
    if (outcome.events.some(hasUnit)) this.haveUnits.set(accountId, true);
    if (outcome.events.length > 0) this.options.onRecorded(accountId, outcome.events.length);
    return outcome.judged;
  }

  // Nearly all events are new, and their identities cannot be inserted if they are not. So identities are looked up only when
  // there is a sign that one may be known: the latest commit of the account had such events, an event cannot be accepted, or an
  // identity is taken. (Identities of periods are looked up at once, because periods are also judged by each other.)
  private async recordOnce(
    accountId: number,
    events: readonly UsageEvent[],
  ): Promise<BatchOutcome> {
    const record = (looksUp: boolean): Promise<BatchOutcome> =>
      this.settlements.inAccount(accountId, (open) => this.recordInAccount(open, events, looksUp));
    const looksUp = this.repeating.has(accountId) || events.some((event) => event.hosting !== null);
    try {
      return await record(looksUp);
    } catch (error) {
      if (looksUp || !isIdentityTaken(error)) throw error;
      return record(true);
    }
  }

  private async recordInAccount(
    open: OpenAccount,
    events: readonly UsageEvent[],
    looksUp: boolean,
  ): Promise<BatchOutcome> {
    const { tx, account, draft, nowMs } = open;
    const { accountId } = account;
    const facts = await this.factsOf(open, events);
    const { lastSeq } = facts.totals;
    const admitKnown = async (): Promise<BatchOutcome> =>
      admit(events, { ...facts, recorded: await recordedOf(tx, events, facts) });

    let found = looksUp ? await admitKnown() : admit(events, facts);
    if (!looksUp && found.events.length < events.length) found = await admitKnown();
    if (found.events.length === 0) return found;
    if (!this.haveUnits.has(accountId) && found.events.some(hasUnit)) {
      await startUnits(tx, accountId, lastSeq + 1);
    }
    insertEvents(tx, accountId, { ...found, nowMs });
    const segments = found.segments.map((segment) => ({
      ...segment,
      segmentId: draft.takeLocalId(),
    }));
    if (segments.length > 0) {
      await insertSegments(tx, segments);
      await raiseRecordedHosting(tx, accountId, hostingOf(found.events));
    }
    const usage = usageToCharge({ events: found.events, segments }, account.creditsFromMs);
    if (usage !== null) recordUsage(draft, usage);
    return found;
  }

  private async factsOf(open: OpenAccount, events: readonly UsageEvent[]): Promise<AdmissionFacts> {
    const { tx, nowMs } = open;
    const { accountId, recorded: totals } = open.account;
    const subjectIds = await this.resolveSubjects(tx, accountId, events);
    const subjectIdOf = (subject: SubjectRef): number | null => subjectIds.get(subject.key) ?? null;
    return {
      accountId,
      nowMs,
      window: this.options,
      totals,
      runsLeft: runsLeft(open.draft.state.runs),
      recorded: new Map(),
      subjectIdOf,
      profiles: await loadProfiles(tx, events),
      hosted: await loadHosted(tx, accountId, this.periodsTaken(events, nowMs), subjectIdOf),
    };
  }

  // A period far outside the window must not make the batch read all hosting ever.
  private periodsTaken(events: readonly UsageEvent[], nowMs: number): readonly UsageEvent[] {
    return events.filter(
      (event) => event.hosting !== null && refusedByWindow(event, this.options, nowMs) === null,
    );
  }

  /** The ids of the subjects that events name, by their keys; subjects that the account does not have are left out. */
  private async resolveSubjects(
    tx: Tx,
    accountId: number,
    events: readonly UsageEvent[],
  ): Promise<ReadonlyMap<string, number>> {
    const resolved = new Map<string, number>();
    const missing = new Map<string, SubjectRef>();
    for (const { subject } of events) {
      const { key } = subject;
      if (resolved.has(key) || missing.has(key)) continue;
      const known = this.subjectIds.get(`${accountId} ${key}`);
      if (known === undefined) missing.set(key, subject);
      else resolved.set(key, known);
    }
    for (const [key, id] of await findSubjects(tx, accountId, [...missing.values()])) {
      resolved.set(key, id);
      this.subjectIds.set(`${accountId} ${key}`, id);
    }
    return resolved;
  }
}

function readReport(report: Report, accountId: number): UsageEvent | Rejection {
  switch (report.as) {
    case 'event':
      return parseUsageEvent(report.fields, accountId);
    case 'period':
      return parseHostingPeriod(report.fields, accountId);
    case 'unreadable':
      return report.rejection;
  }
}

/** The results of reports, from the outcomes of those that were events, in order. */
function summary(
  read: readonly (UsageEvent | Rejection)[],
  judged: readonly EventOutcome[],
): RecordResult {
  const counts = { ACCEPTED: 0, DUPLICATE: 0, CONFLICT: 0, REJECTED: 0 };
  const results: EventResult[] = [];
  let next = 0;
  read.forEach((report, index) => {
    const one = isRejection(report) ? { outcome: 'REJECTED' as const, ...report } : judged[next++];
    invariant(one !== undefined, 'a judgement for each event');
    counts[one.outcome] += 1;
    if (one.outcome !== 'ACCEPTED') results.push({ index, ...one });
  });
  return {
    accepted: counts.ACCEPTED,
    duplicates: counts.DUPLICATE,
    conflicts: counts.CONFLICT,
    rejected: counts.REJECTED,
    results,
  };
}

function isKnown({ outcome }: EventOutcome): boolean {
  return outcome === 'DUPLICATE' || outcome === 'CONFLICT';
}

function hasUnit({ unit }: NewEvent): boolean {
  return unit !== null;
}

/** Looks subjects up, with one statement for each kind of name that occurs. @returns key and id of those that exist */
async function findSubjects(
  tx: Tx,
  accountId: number,
  subjects: readonly SubjectRef[],
): Promise<readonly (readonly [string, number])[]> {
  const found: [string, number][] = [];
  const named = subjects.filter((one) => one.by === 'externalId');
  const byId = subjects.filter((one) => one.by === 'id');

  const models = named.filter((one) => one.kind === 'MODEL');
  if (models.length > 0) {
    const ids = await resolveModelRefs(
      tx,
      accountId,
      models.map((one) => one.externalId),
    );
    found.push(...pairs(models, ids));
  }
  const resources = named.flatMap(({ key, kind, externalId }) =>
    kind === 'MODEL' ? [] : [{ key, by: 'externalId' as const, kind, externalId }],
  );
  if (resources.length > 0) {
    const keys = await resolveResourceRefs(tx, accountId, resources);
    found.push(
      ...pairs(
        resources,
        keys.map((key) => key?.resourceId ?? null),
      ),
    );
  }
  const modelIds = byId.filter((one) => one.kind === 'MODEL');
  if (modelIds.length > 0) {
    const ids = await resolveModelIds(
      tx,
      accountId,
      modelIds.map((one) => one.localId),
    );
    found.push(...pairs(modelIds, ids));
  }
  const resourceIds = byId.filter((one) => one.kind !== 'MODEL');
  if (resourceIds.length > 0) {
    const keys = await resolveResourceIds(
      tx,
      accountId,
      resourceIds.map((one) => one.localId),
    );
    // An id contains its kind. If that differs from the row's, the id was made up.
    const ids = keys.map((key, index) =>
      key?.kind === resourceIds[index]?.kind ? (key?.resourceId ?? null) : null,
    );
    found.push(...pairs(resourceIds, ids));
  }
  return found;
}

function pairs(
  subjects: readonly SubjectRef[],
  ids: readonly (number | null)[],
): readonly [string, number][] {
  return subjects.flatMap((subject, index): readonly [string, number][] => {
    const id = ids[index] ?? null;
    return id === null ? [] : [[subject.key, id]];
  });
}

/** The recorded events with the events' identities, by identityKey. */
async function recordedOf(
  tx: Tx,
  events: readonly UsageEvent[],
  facts: AdmissionFacts,
): Promise<AdmissionFacts['recorded']> {
  const found = await loadRecorded(tx, facts.accountId, events);
  const archived = new Set(
    found.flatMap(({ asked, event }) => (event === null ? [identityKey(asked)] : [])),
  );
  const retried = events.filter((event) => archived.has(identityKey(event)));
  const repeatedBy =
    retried.length === 0 ? new Set<UsageEvent>() : await repeats(tx, retried, facts);
  return new Map(
    found.map(({ asked, event }) => [identityKey(asked), event ?? { repeatedBy }] as const),
  );
}

/** Those of some events with archived identities whose content is that of the archived event. */
async function repeats(
  tx: Tx,
  events: readonly UsageEvent[],
  { accountId, subjectIdOf, profiles }: AdmissionFacts,
): Promise<ReadonlySet<UsageEvent>> {
  const contents = events.map((event) => ({
    ...event,
    kind: event.subject.kind,
    subjectId: subjectIdOf(event.subject),
    endedAtMs: event.hosting?.toMs ?? null,
    hardwareId: profiles.get(event.hosting?.hardware ?? '')?.hardwareId ?? null,
  }));
  const areSame = await compareContents(tx, accountId, contents);
  return new Set(events.filter((_, index) => areSame[index] === true));
}

/** All hardware by name, with its rates; not read when the batch has no period. */
async function loadProfiles(
  tx: Tx,
  events: readonly UsageEvent[],
): Promise<ReadonlyMap<string, PricedProfile>> {
  if (events.every((event) => event.hosting === null)) return new Map();
  return profilesByName(await loadHardware(tx), await loadRates(tx, null));
}

/** The hosted times of the periods' resources, around the time of the periods. */
async function loadHosted(
  tx: Tx,
  accountId: number,
  periods: readonly UsageEvent[],
  subjectIdOf: (subject: SubjectRef) => number | null,
): Promise<HostedTimes> {
  const resourceIds = new Set(periods.flatMap(({ subject }) => subjectIdOf(subject) ?? []));
  if (resourceIds.size === 0) return new HostedTimes([]);
  const segments = await loadOverlapping(tx, accountId, [...resourceIds], {
    fromMs: Math.min(...periods.map((period) => period.occurredAtMs)),
    toMs: Math.max(...periods.map((period) => period.hosting?.toMs ?? period.occurredAtMs)),
  });
  return new HostedTimes(segments);
}

/** What accepted periods change in their resources: each resource once. */
function hostingOf(events: readonly NewEvent[]): readonly RecordedHosting[] {
  const latest = new Map<number, RecordedHosting>();
  for (const { subjectId: resourceId, occurredAtMs, endedAtMs } of events) {
    if (endedAtMs === null) continue;
    const before = latest.get(resourceId);
    latest.set(resourceId, {
      resourceId,
      fromMs: Math.max(before?.fromMs ?? occurredAtMs, occurredAtMs),
      toMs: Math.max(before?.toMs ?? endedAtMs, endedAtMs),
    });
  }
  return [...latest.values()];
}
