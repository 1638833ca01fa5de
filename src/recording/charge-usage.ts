// What recorded usage charges: everything since the account's credits began. What happened before is history.

import { MICRO_PER_CREDIT } from '../core/micro.ts';
import type { ItemCharge } from '../engine/ledger.ts';
import type { RecordedUsage } from '../engine/writes.ts';
import { chargedMicro, type HostingSegment } from '../hosting/charge.ts';
import type { EventContent } from './event.ts';

/** Credits and runs of events and of the segments of hosting periods among them; null when nothing is charged. */
export function usageToCharge(
  recorded: {
    /** By seq, ascending. */
    readonly events: readonly (EventContent & { readonly seq: number })[];
    /** By id, ascending. */
    readonly segments: readonly HostingSegment[];
  },
  creditsFromMs: number,
): RecordedUsage | null {
  let creditsMicro = 0n;
  let runsMicro = 0n;
  const items: ItemCharge[] = [];
  const charge = (of: ItemCharge['of'], id: number, chargedMicro: bigint): void => {
    creditsMicro += chargedMicro;
    if (chargedMicro !== 0n) items.push({ of, id, chargedMicro });
  };
  for (const event of recorded.events) {
    if (event.occurredAtMs < creditsFromMs) continue;
    charge('EVENT', event.seq, event.creditsMicro);
    if (event.type === 'WORKFLOW_RUN') runsMicro += BigInt(event.quantity) * MICRO_PER_CREDIT;
  }
  for (const segment of recorded.segments) {
    charge('SEGMENT', segment.segmentId, sinceCredits(segment, creditsFromMs));
  }
  const [first] = recorded.events;
  const last = recorded.events.at(-1);
  if (first === undefined || last === undefined || creditsMicro + runsMicro === 0n) return null;
  return { creditsMicro, runsMicro, events: { firstSeq: first.seq, lastSeq: last.seq }, items };
}

/** The charge of an event or a hosting period when it was recorded; null when there was none. */
export function chargedFor(
  event: EventContent & { readonly seq: number; readonly recordedAtMs: number },
  segments: readonly HostingSegment[],
  creditsFromMs: number,
): RecordedUsage | null {
  // occurredAt may be later than the recording. So an event from before the account's credits may have occurred after their
  // start.
  if (event.recordedAtMs < creditsFromMs) return null;
  return usageToCharge({ events: [event], segments }, creditsFromMs);
}

/** The cost of a closed segment since the account's credits began. */
export function sinceCredits(
  segment: Pick<HostingSegment, 'fromMs' | 'toMs' | 'replicas' | 'rateMicroPerHour'>,
  creditsFromMs: number,
): bigint {
  return (
    chargedMicro(segment, segment.toMs ?? segment.fromMs) - chargedMicro(segment, creditsFromMs)
  );
}
