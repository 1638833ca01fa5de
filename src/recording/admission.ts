// Decides the outcome of each event of a batch, in the order in which they came. The identity decides first: an event that was
// recorded before is a duplicate or a conflict, however old it is and whatever it names. Only then come the window, the event's
// subject, and the account's limits. A rejected event leaves its identity free.

import type { AccountTotals } from '../account/account.ts';
import { formatMicro, MICRO_PER_CREDIT, SAFE_INT_MAX } from '../core/micro.ts';
import { HELD_MICRO_MAX } from '../engine/bounds.ts';
import { chargedMicro } from '../hosting/charge.ts';
import type { Wallet } from '../engine/lots.ts';
import {
  differences,
  identityKey,
  refusedByKind,
  refusedByWindow,
  rejected,
  unknownSubject,
  type EventContent,
  type EventIdentity,
  type IngestWindow,
  type Rejection,
  type SubjectRef,
  type UsageEvent,
} from './event.ts';
import {
  type HostedTimes,
  segmentsOfPeriod,
  type PlannedSegment,
  type PricedProfile,
} from './periods.ts';

export const outcomes = {
  ACCEPTED: 'ACCEPTED',
  DUPLICATE: 'DUPLICATE',
  CONFLICT: 'CONFLICT',
  REJECTED: 'REJECTED',
} as const;

/** The outcome of one event. */
export type EventOutcome =
  | { readonly outcome: 'ACCEPTED' }
  | {
      readonly outcome: 'DUPLICATE' | 'CONFLICT' | 'REJECTED';
      readonly code: string;
      readonly message: string;
    };

type IdentifiedContent = EventContent & EventIdentity;

/** A recorded event that is archived: a hash is all that is left of its content. */
export interface ArchivedContent {
  /** The events of the batch whose content has the same hash. */
  readonly repeatedBy: ReadonlySet<UsageEvent>;
}

/** An accepted event with its number. */
export interface NewEvent extends IdentifiedContent {
  readonly seq: number;
}

/** The facts that a batch is judged by. */
export interface AdmissionFacts {
  readonly accountId: number;
  readonly nowMs: number;
  readonly window: IngestWindow;
  readonly totals: AccountTotals;
  /** How many more workflow runs the account can hold (runsLeft). */
  readonly runsLeft: bigint;
  /** The recorded events with the hashes of the batch's identities, by the identityKey of those. */
  readonly recorded: ReadonlyMap<string, IdentifiedContent | ArchivedContent>;
  /** The id of the subject that an event names; null when the account has no such subject. */
  readonly subjectIdOf: (subject: SubjectRef) => number | null;
  readonly profiles: ReadonlyMap<string, PricedProfile>;
  readonly hosted: HostedTimes;
}

export interface BatchOutcome {
  /** One outcome for each event, in order. */
  readonly judged: readonly EventOutcome[];
  readonly events: readonly NewEvent[];
  readonly segments: readonly PlannedSegment[];
  /** The account's totals with the accepted events. */
  readonly totals: AccountTotals;
}

const ACCEPTED: EventOutcome = { outcome: 'ACCEPTED' };
const DUPLICATE: EventOutcome = {
  outcome: 'DUPLICATE',
  code: 'DUPLICATE',
  message: 'It was recorded before, with the same content.',
};

// Identities are told apart by 128 bits of their SHA-256, so nobody has seen this, or can bring it about.
const COLLISION: EventOutcome = {
  outcome: 'CONFLICT',
  code: 'CONFLICT',
  message:
    'This source and eventId have the same hash as those of another recorded event; send it under another eventId.',
};

const ARCHIVED_CONFLICT: EventOutcome = {
  outcome: 'CONFLICT',
  code: 'CONFLICT',
  message:
    'This source and eventId were recorded before with other content; what it was is archived.',
};

/** Judges each event of a batch separately. If two have the same identity, the first one counts. */
export function admit(events: readonly UsageEvent[], facts: AdmissionFacts): BatchOutcome {
  const batch = new Batch(facts);
  const judged = events.map((event) => batch.outcomeOf(event));
  return { judged, events: batch.events, segments: batch.segments, totals: batch.totals };
}

/** An event that can be recorded, with its subject. */
interface Admitted {
  readonly event: NewEvent;
  readonly segments: readonly PlannedSegment[];
}

class Batch {
  readonly events: NewEvent[] = [];
  readonly segments: PlannedSegment[] = [];
  totals: AccountTotals;
  private runsLeft: bigint;
  private readonly inBatch = new Map<string, IdentifiedContent>();

  constructor(private readonly facts: AdmissionFacts) {
    this.totals = facts.totals;
    this.runsLeft = facts.runsLeft;
  }

  outcomeOf(event: UsageEvent): EventOutcome {
    const found = {
      subjectId: this.facts.subjectIdOf(event.subject),
      hardwareId: this.profileOf(event)?.hardwareId ?? null,
    };
    const key = identityKey(event);
    const recorded = this.inBatch.get(key) ?? this.facts.recorded.get(key);
    if (recorded !== undefined) return retried(recorded, event, found);

    const admitted = this.admit(event, found.subjectId);
    if ('code' in admitted) return { outcome: 'REJECTED', ...admitted };
    const totals = raised(this.totals, admitted);
    if ('code' in totals) return { outcome: 'REJECTED', ...totals };
    const runs = event.type === 'WORKFLOW_RUN' ? BigInt(event.quantity) : 0n;
    if (runs > this.runsLeft) return { outcome: 'REJECTED', ...tooManyRuns(runs, this.runsLeft) };
    this.runsLeft -= runs;
    this.keep(key, admitted, totals);
    return ACCEPTED;
  }

  private admit(event: UsageEvent, subjectId: number | null): Admitted | Rejection {
    const refused =
      refusedByWindow(event, this.facts.window, this.facts.nowMs) ?? refusedByKind(event);
    if (refused !== null) return refused;
    const { kind } = event.subject;
    if (subjectId === null || kind === null) return unknownSubject(event.subject);
    const content: NewEvent = {
      source: event.source,
      eventId: event.eventId,
      seq: this.totals.lastSeq + 1,
      type: event.type,
      kind,
      subjectId,
      quantity: event.quantity,
      unit: event.unit,
      creditsMicro: event.creditsMicro,
      occurredAtMs: event.occurredAtMs,
      endedAtMs: event.hosting?.toMs ?? null,
      hardwareId: null,
    };
    return event.hosting === null
      ? { event: content, segments: [] }
      : this.admitPeriod(content, event.hosting);
  }

  private admitPeriod(
    content: NewEvent,
    hosting: NonNullable<UsageEvent['hosting']>,
  ): Admitted | Rejection {
    const hardware = this.facts.profiles.get(hosting.hardware);
    if (hardware === undefined) {
      return rejected(
        'UNKNOWN_HARDWARE',
        `No hardware profile is named ${JSON.stringify(hosting.hardware)}.`,
      );
    }
    const segments = segmentsOfPeriod(
      {
        accountId: this.facts.accountId,
        resourceId: content.subjectId,
        replicas: content.quantity,
        hardware,
        eventSeq: content.seq,
        fromMs: content.occurredAtMs,
        toMs: hosting.toMs,
      },
      this.facts.hosted,
    );
    if ('code' in segments) return segments;
    return { event: { ...content, hardwareId: hardware.hardwareId }, segments };
  }

  private keep(key: string, admitted: Admitted, totals: AccountTotals): void {
    const { event, segments } = admitted;
    this.inBatch.set(key, event);
    this.events.push(event);
    this.segments.push(...segments);
    this.totals = totals;
    if (event.endedAtMs !== null) {
      const { subjectId, occurredAtMs: fromMs, endedAtMs: toMs } = event;
      this.facts.hosted.add(subjectId, { fromMs, toMs });
    }
  }

  private profileOf(event: UsageEvent): PricedProfile | undefined {
    return event.hosting === null ? undefined : this.facts.profiles.get(event.hosting.hardware);
  }
}

/** The outcome of an event whose identity is taken. */
function retried(
  recorded: IdentifiedContent | ArchivedContent,
  event: UsageEvent,
  found: Parameters<typeof differences>[2],
): EventOutcome {
  if ('repeatedBy' in recorded) {
    return recorded.repeatedBy.has(event) ? DUPLICATE : ARCHIVED_CONFLICT;
  }
  return identityKey(recorded) === identityKey(event)
    ? compared(differences(recorded, event, found))
    : COLLISION;
}

function compared(differing: readonly string[]): EventOutcome {
  if (differing.length === 0) return DUPLICATE;
  return {
    outcome: 'CONFLICT',
    code: 'CONFLICT',
    message: `This source and eventId were recorded before with other content: ${differing.join(', ')}.`,
  };
}

/** How many more runs can be recorded, so that those of a cycle and the debt stay within what an account can hold. */
export function runsLeft({ cycle, debtMicro }: Wallet): bigint {
  const heldMicro = cycle.usedMicro > debtMicro ? cycle.usedMicro : debtMicro;
  return heldMicro < HELD_MICRO_MAX ? (HELD_MICRO_MAX - heldMicro) / MICRO_PER_CREDIT : 0n;
}

function tooManyRuns(runs: bigint, left: bigint): Rejection {
  return rejected(
    'LIMIT_EXCEEDED',
    `quantity is ${runs}; the runs that an account uses in a cycle, and those that it owes, may be at most ${formatMicro(HELD_MICRO_MAX)}, so at most ${left} more.`,
  );
}

// Voided events stay in these sums. So no sum of any view, over whatever was recorded, can exceed the limits.
function raised(totals: AccountTotals, admitted: Admitted): AccountTotals | Rejection {
  const { event, segments } = admitted;
  const isPeriod = event.endedAtMs !== null;
  const quantity = totals.quantity + (isPeriod ? 0n : BigInt(event.quantity));
  let creditsMicro = totals.creditsMicro + event.creditsMicro;
  for (const segment of segments) {
    creditsMicro += chargedMicro(segment, segment.toMs ?? segment.fromMs);
  }
  if (quantity > SAFE_INT_MAX) {
    return rejected(
      'LIMIT_EXCEEDED',
      `quantity is ${event.quantity}; all quantities of an account together may be at most ${SAFE_INT_MAX}.`,
    );
  }
  if (creditsMicro > HELD_MICRO_MAX) {
    return rejected(
      'LIMIT_EXCEEDED',
      `All credits of an account together may be at most ${formatMicro(HELD_MICRO_MAX)}; with this event they would be ${formatMicro(creditsMicro)}.`,
    );
  }
  return { lastSeq: event.seq, quantity, creditsMicro };
}
