// The events of an account that its rollups lack. They are few, and views of one answer and of the next need them again and again:
// each for other cells, or for when a resource was last used. So they are read once and added up here. Pure.

import { groupBy } from '../core/group.ts';
import type { SubjectKind, UsageType } from '../rollups/kinds.ts';
import { firstAbove, type Grain, type Sum } from './sums.ts';

/** An event that counts: not voided, and no hosting. */
export interface TailEvent {
  readonly seq: number;
  readonly subjectId: number;
  readonly kind: SubjectKind;
  readonly type: UsageType;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
  readonly occurredAtMs: number;
}

/** The cells that sums are asked for. */
interface Cells {
  readonly grain: Grain;
  readonly edgesMs: readonly number[];
  /** Only these resources and models; null: all. */
  readonly subjectIds: readonly number[] | null;
}

/** Sums of so many questions are kept while no event comes. */
const KNOWN_MAX = 32;
/** Longer lists are added up anew, so that what is kept stays small beside the events. */
const KNOWN_SUMS_MAX = 1_000;

/** All events that count of `(fromSeq, toSeq]`. It never changes. */
export class TailEvents {
  private readonly known = new Map<string, readonly Sum[]>();
  private lastEvents: ReadonlyMap<number, number> | null = null;
  private readonly firstMs: number;
  private readonly lastMs: number;

  /** @param events ascending by number */
  constructor(
    readonly fromSeq: number,
    readonly toSeq: number,
    readonly events: readonly TailEvent[],
  ) {
    this.firstMs = events.reduce((first, event) => Math.min(first, event.occurredAtMs), Infinity);
    this.lastMs = events.reduce((last, event) => Math.max(last, event.occurredAtMs), -Infinity);
  }

  /** Whether it has all events of a range. */
  spans(fromSeq: number, toSeq: number): boolean {
    return this.fromSeq <= fromSeq && toSeq <= this.toSeq;
  }

  /** The events of a part that it spans. */
  part(fromSeq: number, toSeq: number): TailEvents {
    if (fromSeq === this.fromSeq && toSeq === this.toSeq) return this;
    const events = this.events.filter(({ seq }) => seq > fromSeq && seq <= toSeq);
    return new TailEvents(fromSeq, toSeq, events);
  }

  /** The same from a later number on, with the events that come next. */
  extended(fromSeq: number, next: TailEvents): TailEvents {
    const left = this.part(fromSeq, this.toSeq).events;
    return new TailEvents(fromSeq, next.toSeq, [...left, ...next.events]);
  }

  /** The sums of each cell, in no order; the same list for the same cells, and for any one cell that has all events. */
  sums(of: Cells): readonly Sum[] {
    const { grain, edgesMs, subjectIds } = of;
    const [fromMs = 0, toMs = 0] = edgesMs;
    const hasAll = edgesMs.length === 2 && this.firstMs >= fromMs && this.lastMs < toMs;
    const key = [grain, subjectIds?.join() ?? 'all', hasAll ? 'whole' : edgesMs.join()].join(' ');
    const sums = this.known.get(key) ?? this.added(of);
    this.keep(key, sums);
    return sums;
  }

  private keep(key: string, sums: readonly Sum[]): void {
    if (sums.length > KNOWN_SUMS_MAX) return;
    if (this.known.size === KNOWN_MAX) this.known.clear();
    this.known.set(key, sums);
  }

  private added({ grain, edgesMs, subjectIds }: Cells): readonly Sum[] {
    const wanted = subjectIds === null ? null : new Set(subjectIds);
    const sums = new Map<string, { -readonly [K in keyof Sum]: Sum[K] }>();
    for (const { subjectId, kind, type, quantity, creditsMicro, occurredAtMs } of this.events) {
      const cell = firstAbove(edgesMs, occurredAtMs) - 1;
      if (cell < 0 || cell + 1 >= edgesMs.length || wanted?.has(subjectId) === false) continue;
      const key = `${cell} ${grain === 'account' ? kind : subjectId} ${type}`;
      const sum = sums.get(key);
      if (sum !== undefined) {
        sum.quantity += quantity;
        sum.creditsMicro += creditsMicro;
        continue;
      }
      const subject = grain === 'account' ? { subjectId: 0, kind } : { subjectId, kind: null };
      sums.set(key, { cell, ...subject, type, quantity, creditsMicro, ...NOT_HOSTED });
    }
    return [...sums.values()];
  }

  /** The instant of the latest event of each resource and model that has one. */
  get lastEventOf(): ReadonlyMap<number, number> {
    this.lastEvents ??= new Map(
      [...groupBy(this.events, ({ subjectId }) => subjectId)].map(([subjectId, own]) => [
        subjectId,
        own.reduce((last, { occurredAtMs }) => Math.max(last, occurredAtMs), -Infinity),
      ]),
    );
    return this.lastEvents;
  }
}

const NOT_HOSTED = { hardwareId: 0, hostingMs: 0n, replicaMs: 0n } as const;
