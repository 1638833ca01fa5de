// The demo's usage, and how it is reported.

import { formatMicro } from '../../core/micro.ts';
import type { Report } from '../../recording/ingest.service.ts';

/** An event, or (with `toMs`) a hosting period. */
export interface DemoUsage {
  /** Part of its identity. It implies its kind too: no two kinds of usage share a source. */
  readonly source: string;
  readonly eventId: string;
  readonly occurredAtMs: number;
  /** When it is reported. */
  readonly knownAtMs: number;
  /** Its other fields in the API. */
  readonly fields: Readonly<Record<string, string | number>>;
  readonly creditsMicro: bigint;
  readonly hosting: { readonly hardware: string; readonly toMs: number } | null;
}

/** The report of a usage, as the API takes it. */
export function reportOf(usage: DemoUsage): Report {
  const { source, eventId, occurredAtMs, fields, hosting } = usage;
  if (hosting === null) {
    return { as: 'event', fields: { source, eventId, occurredAt: occurredAtMs, ...fields } };
  }
  const { hardware, toMs: to } = hosting;
  return {
    as: 'period',
    fields: { source, eventId, hardware, from: occurredAtMs, to, ...fields },
  };
}

export function event(source: string, eventId: string, atMs: number): Omit<DemoUsage, 'fields'> {
  return { source, eventId, occurredAtMs: atMs, knownAtMs: atMs, creditsMicro: 0n, hosting: null };
}

export function charged(
  base: Omit<DemoUsage, 'fields'>,
  creditsMicro: bigint,
  fields: DemoUsage['fields'],
): DemoUsage {
  return { ...base, creditsMicro, fields: { ...fields, credits: formatMicro(creditsMicro) } };
}

export function hostingPeriod(
  source: string,
  eventId: string,
  hardware: string,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Omit<DemoUsage, 'fields'> {
  return { ...event(source, eventId, fromMs), knownAtMs: toMs, hosting: { hardware, toMs } };
}

export function ofResource(
  kind: string,
  externalId: string,
): { readonly resourceKind: string; readonly resourceExternalId: string } {
  return { resourceKind: kind, resourceExternalId: externalId };
}
