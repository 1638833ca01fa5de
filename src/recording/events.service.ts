// The recorded events: reading them, and voiding one.

import { requireAccount, requireRef, requireScope } from '../access/authorize.ts';
import { auditEntry } from '../audit/audit.ts';
import type { Account } from '../account/account.ts';
import {
  type ArchivedEnd,
  findArchivedEnd,
  requireNotArchived,
} from '../archives/archives.store.ts';
import { ArchivedError, NotFoundError, type ErrorPath } from '../core/errors.ts';
import { encodeId, unknownId, type Actor, type NodeRef, type NodeType } from '../core/identity.ts';
import { parseText } from '../core/text.ts';
import type { LedgerRef } from '../credits/ledger.service.ts';
import { findReversal } from '../settlement/ledger.store.ts';
import { loadUsedUpLots } from '../settlement/state.store.ts';
import type { SettlementService } from '../settlement/settlement.service.ts';
import { reverseUsage } from '../engine/writes.ts';
import type { Tx } from '../db/database.ts';
import type { HostingSegment } from '../hosting/charge.ts';
import { findRecordedHosting, voidSegmentsOfEvent } from '../hosting/hosting.store.ts';
import { setRecordedHosting } from '../resources/resources.store.ts';
import { chargedFor } from './charge-usage.ts';
import type { EventFilter, RecordedEvent } from './event.ts';
import { countEvents, findRecorded, listEvents, loadEvents, markVoided } from './events.store.ts';
import { removeFromRollups, removeSegmentsFromRollups } from '../rollups/rollups.store.ts';

export interface VoidRequest {
  readonly accountId?: string | null | undefined;
  readonly source: string;
  readonly eventId: string;
  readonly reason: string;
}

/** The result of a void. */
export interface Voided {
  readonly voided: boolean;
  readonly reversal: LedgerRef | null;
}

/** Some events of a list. */
export interface ListedEvents {
  readonly events: readonly RecordedEvent[];
  /** Whether those that come next are archived. */
  readonly areMoreArchived: boolean;
}

/** Before and after everything that can be recorded. */
const EARLIEST_MS = -8.64e15;
const LATEST_MS = Date.UTC(9999);

export class EventsService {
  constructor(private readonly settlements: SettlementService) {}

  /**
   * Voids an event or a hosting period; its charge is given back now.
   * @returns voided: false when it already was; the ledger entry that gave the charge back, null when nothing was charged
   * @throws FORBIDDEN, BAD_USER_INPUT, NOT_FOUND when nothing was recorded under the identity, ARCHIVED when it is archived
   */
  async voidUsage(actor: Actor, request: VoidRequest): Promise<Voided> {
    const accountId = requireAccount(actor, 'INGEST', {
      accountId: request.accountId,
      path: ['accountId'],
    });
    const source = parseText(request.source, ['source']);
    const eventId = parseText(request.eventId, ['eventId']);
    const reason = parseText(request.reason, ['reason']);
    return this.settlements.inAccount(accountId, async (open) => {
      const { tx, account, draft, nowMs } = open;
      const event = await findRecorded(tx, accountId, { source, eventId });
      if (event === null) {
        throw new NotFoundError(
          `Nothing was recorded with the source ${JSON.stringify(source)} and the eventId ${JSON.stringify(eventId)}.`,
          { path: ['eventId'] },
        );
      }
      if (event.voidedAtMs !== null) {
        const reversal = await findReversal(tx, accountId, event.seq);
        return { voided: false, reversal };
      }
      await markVoided(tx, event, { atMs: nowMs, reason });
      if (event.endedAtMs === null) await removeFromRollups(tx, event);
      const segments = event.endedAtMs === null ? [] : await voidPeriod(tx, event, nowMs);
      const usage = chargedFor(event, segments, account.creditsFromMs);
      if (usage !== null) reverseUsage(draft, usage, await loadUsedUpLots(tx, accountId));
      const target = encodeId('UsageEvent', accountId, event.seq);
      const to = { source, eventId, reason };
      open.audited.push(auditEntry(actor, { action: 'voidUsage', accountId, target, to }));
      const reversal = draft.lines.find(({ kind }) => kind === 'REVERSAL');
      const sequence = reversal?.sequence ?? null;
      return { voided: true, reversal: sequence === null ? null : { accountId, sequence } };
    });
  }

  /**
   * Usage events of an account, newest `occurredAt` first, after a place in that order. @param tx the request's snapshot
   * @throws FORBIDDEN; ARCHIVED when the next of them may be archived
   */
  async list(
    actor: Actor,
    tx: Tx,
    accountId: number,
    list: { readonly filter: EventFilter; readonly page: Parameters<typeof listEvents>[3] },
  ): Promise<ListedEvents> {
    requireScope(actor, 'READ_USAGE');
    const { filter, page } = list;
    // Both go in one round trip.
    const [end, events] = await Promise.all([
      findEnd(tx, accountId, filter, page.after?.occurredAtMs ?? LATEST_MS),
      listEvents(tx, accountId, filter, page),
    ]);
    if (end === null) return { events, areMoreArchived: false };
    const whole = events.filter(({ occurredAtMs }) => occurredAtMs >= end.toMs);
    if (whole.length === 0) throw new ArchivedError(end.months);
    return { events: whole, areMoreArchived: whole.length < page.limit };
  }

  /** How many usage events of an account a filter matches. @throws ARCHIVED when archived ones may be among them */
  async count(tx: Tx, accountId: number, filter: EventFilter): Promise<number> {
    const [end, count] = await Promise.all([
      findEnd(tx, accountId, filter, LATEST_MS),
      countEvents(tx, accountId, filter),
    ]);
    if (end !== null) throw new ArchivedError(end.months);
    return count;
  }

  /** The usage event with an id. @throws FORBIDDEN, NOT_FOUND, ARCHIVED */
  async getEvent(actor: Actor, tx: Tx, id: string): Promise<RecordedEvent> {
    const ref = requireRef(actor, 'READ_USAGE', { id, types: ['UsageEvent'], path: ['id'] });
    const { accountId, localId: seq } = ref;
    const [event] = await loadEvents(tx, [{ accountId, seq }]);
    if (event === undefined)
      await requireNotArchived(tx, { accountId, seqs: { first: seq, last: seq } });
    // The API shows a hosting period as segments, not as an event.
    if (event?.endedAtMs !== null) throw unknownId(id, ['id']);
    return event;
  }

  /** The subject of a filter's id within an account. @throws FORBIDDEN, NOT_FOUND */
  requireWithin(
    actor: Actor,
    account: Account,
    named: { readonly id: string; readonly types: readonly NodeType[]; readonly path: ErrorPath },
  ): NodeRef {
    const ref = requireRef(actor, 'READ_USAGE', named);
    if (ref.accountId !== account.accountId) throw unknownId(named.id, named.path);
    return ref;
  }
}

/** The archived part at which a list of events ends; null: all of them are there. @param untilMs up to and including it */
async function findEnd(
  tx: Tx,
  accountId: number,
  filter: EventFilter,
  untilMs: number,
): Promise<ArchivedEnd | null> {
  const { range, resourceId, modelId, source, eventId } = filter;
  if (source !== null && eventId !== null) {
    await findRecorded(tx, accountId, { source, eventId });
    return null;
  }
  return findArchivedEnd(tx, accountId, {
    fromMs: range?.fromMs ?? EARLIEST_MS,
    toMs: Math.min(range?.toMs ?? LATEST_MS, untilMs + 1),
    subjectId: resourceId ?? modelId,
  });
}

async function voidPeriod(
  tx: Tx,
  period: RecordedEvent,
  atMs: number,
): Promise<readonly HostingSegment[]> {
  const { accountId, seq, subjectId: resourceId } = period;
  const segments = await voidSegmentsOfEvent(tx, accountId, seq, atMs);
  await removeSegmentsFromRollups(tx, accountId, segments);
  const address = { accountId, resourceId };
  await setRecordedHosting(tx, address, await findRecordedHosting(tx, address));
  return segments;
}
