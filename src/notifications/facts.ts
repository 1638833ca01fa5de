// What an email needs besides the credit events, and how it writes amounts and instants: amounts with two
// decimals, instants in the account's zone with its name.

import type { Position } from '../engine/alert-rules.ts';
import { HOUR_MS } from '../core/range.ts';
import { formatLocal } from '../core/calendar.ts';
import { groupedMicro, readableMicro } from '../core/micro.ts';
import type { Resource, ResourceKind } from '../resources/resource.ts';

/** A stretch of hosting of one resource. */
export interface Hosting {
  readonly resourceId: number;
  readonly hardware: string;
  readonly replicas: number;
  readonly rateMicroPerHour: bigint;
  readonly fromMs: number;
  /** Null while it runs. */
  readonly toMs: number | null;
}

/** The fields of a resource that emails show. */
export type NamedResource = Pick<
  Resource,
  'resourceId' | 'kind' | 'name' | 'externalId' | 'endpointUrl' | 'failureMessage'
>;

/** The account that an email is for. */
export interface Addressee {
  readonly account: { readonly name: string; readonly timeZone: string };
  /** The Usage page, which emails link to; null: no link. */
  readonly usageUrl: string | null;
}

/** The present state of what credit events refer to. */
export interface EventFacts {
  readonly resources: ReadonlyMap<number, Resource>;
  /** Labels of thresholds, by rule id; those without one are left out. */
  readonly labels: ReadonlyMap<number, string>;
}

/** What emails need besides the credit events. */
export interface EmailFacts extends Addressee, Pick<EventFacts, 'labels'> {
  readonly resources: ReadonlyMap<number, NamedResource>;
  /** All hosting at one of the instants. */
  readonly hosting: readonly Hosting[];
  /** The account's present figures, where no alert of the instant has them. */
  readonly position: Position | null;
  /** The failure message of deployments that the negative limit stopped. */
  readonly stoppedMessage: string;
}

const KIND_NAMES: Readonly<Record<ResourceKind, string>> = {
  WORKFLOW: 'workflow',
  MODEL_DEPLOYMENT: 'model deployment',
  GUARDRAIL: 'guardrail',
  CUSTOM_SCRIPT: 'custom script',
  OCR_DEPLOYMENT: 'OCR deployment',
  BROWSER_POD: 'browser pod',
};

/** "1 credit", "1,212.16 credits": with two decimals. */
export function credits(micro: bigint): string {
  return inCredits(readableMicro(micro));
}

/** The same, exact: values that were set, such as levels and rates, are shown as they were set. */
export function exactCredits(micro: bigint): string {
  return inCredits(groupedMicro(micro));
}

function inCredits(figure: string): string {
  return `${figure} ${figure === '1' ? 'credit' : 'credits'}`;
}

/** "23 hours 59 minutes 12.5 seconds". @param durationMs zero or more */
export function duration(durationMs: number): string {
  const parts = [
    counted(Math.floor(durationMs / HOUR_MS), 'hour'),
    counted(Math.floor((durationMs % HOUR_MS) / 60_000), 'minute'),
    counted((durationMs % 60_000) / 1_000, 'second'),
  ].filter((part) => part !== null);
  return parts.length === 0 ? '0 seconds' : parts.join(' ');
}

function counted(count: number, unit: string): string | null {
  if (count === 0) return null;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

export function localTime({ account }: Pick<Addressee, 'account'>, atMs: number): string {
  return formatLocal(account.timeZone, atMs);
}

/** "churn-model (model deployment)". */
export function resourceName(facts: EmailFacts, resourceId: number): string {
  const resource = facts.resources.get(resourceId);
  return resource === undefined ? 'A deployment' : `${resource.name} (${kindName(resource)})`;
}

export function kindName(resource: NamedResource): string {
  return KIND_NAMES[resource.kind];
}

/** Replicas × rate, in micro-credits an hour. */
export function costMicroPerHour(hosting: readonly Hosting[]): bigint {
  return hosting.reduce((sum, one) => sum + BigInt(one.replicas) * one.rateMicroPerHour, 0n);
}

/** "2 x A100, 7.2 credits an hour". */
export function placement(hosting: Hosting): string {
  return `${hosting.replicas} x ${hosting.hardware}, ${exactCredits(costMicroPerHour([hosting]))} an hour`;
}

/** What runs from an instant on, by name. */
export function runningAt(facts: EmailFacts, atMs: number): readonly Hosting[] {
  return facts.hosting
    .filter(({ fromMs, toMs }) => fromMs <= atMs && (toMs === null || toMs > atMs))
    .sort((a, b) => a.resourceId - b.resourceId);
}

/** The hosting of a resource that runs from an instant on; null when there is none. */
export function startedAt(facts: EmailFacts, atMs: number, resourceId: number): Hosting | null {
  return runningAt(facts, atMs).find((one) => one.resourceId === resourceId) ?? null;
}

/** The hosting of a resource that ran until an instant; null when there was none. */
export function endedAt(facts: EmailFacts, atMs: number, resourceId: number): Hosting | null {
  const ended = facts.hosting.filter(
    (one) => one.resourceId === resourceId && one.toMs === atMs && one.fromMs < atMs,
  );
  return ended.at(-1) ?? null;
}
