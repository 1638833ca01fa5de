// The story of a demo account: how it is opened, and its steps, each a call of a service.

import type { OpenAccountRequest } from '../../credits/credit-account.service.ts';
import type {
  CreateHardwareProfileRequest,
  SetHardwareRateRequest,
} from '../../catalogue/rates.ts';
import type { SetCreditPriceRequest } from '../../credits/prices.ts';
import type { WebhookEvent } from '../../partners/webhook.ts';
import type { Report } from '../../recording/ingest.service.ts';
import type { RegisterRequest } from '../../resources/registration.ts';
import type { ResourceRef } from '../../resources/resource.ts';
import type { AllocateRequest } from '../../settlement/allocation.ts';
import type { Turn } from './hosting.ts';

/** One of the demo's accounts. */
export interface DemoTale {
  readonly externalId: string;
  /** What it shows, in a few words. */
  readonly shows: string;
  /** The first start, as far as the story depends on it, from when the account was created. */
  firstStartOf(createdAtMs: number): number;
  /**
   * The story of a first start at an instant. It follows from that instant alone, so an interrupted
   * seed is simply run again.
   * @param untilMs now, for a story that goes on until the end of the first start's day
   */
  storyOf(firstStartMs: number, untilMs: number): DemoStory;
}

export interface DemoStory {
  readonly account: OpenAccountRequest & { readonly createdAt: number };
  /** The domain of its deployments' addresses. */
  readonly domain: string;
  /** Its steps, in order of time. */
  steps(): readonly DemoStep[];
}

/** One call of a service. */
export type DemoStep = { readonly atMs: number } & (
  | { readonly kind: 'PROFILE'; readonly request: CreateHardwareProfileRequest }
  | { readonly kind: 'RATE'; readonly request: SetHardwareRateRequest }
  | { readonly kind: 'PRICE'; readonly request: SetCreditPriceRequest }
  | { readonly kind: 'ALLOCATE'; readonly request: AllocateRequest }
  | { readonly kind: 'VOID_ALLOCATION'; readonly request: AllocateRequest; readonly reason: string }
  | { readonly kind: 'REGISTER'; readonly requests: readonly RegisterRequest[] }
  | { readonly kind: 'TURN'; readonly resource: ResourceRef; readonly turn: Turn }
  | { readonly kind: 'WORKFLOW'; readonly resource: ResourceRef; readonly isDeployed: boolean }
  | { readonly kind: 'RECORD'; readonly reports: readonly Report[] }
  | {
      readonly kind: 'VOID';
      readonly source: string;
      readonly eventId: string;
      readonly reason: string;
    }
  | { readonly kind: 'WEBHOOK'; readonly url: string; readonly events: readonly WebhookEvent[] }
);

/**
 * What a credit costs an account before any other price: so each range that can be asked for has one.
 * @param atMs when it is set
 */
export function firstPrice(
  atMs: number,
  price: Omit<SetCreditPriceRequest, 'accountId' | 'effectiveFrom'>,
): DemoStep {
  return { atMs, kind: 'PRICE', request: { ...price, effectiveFrom: 0 } };
}

/** How a story begins: with credits and runs in each cycle, its resources, and the deployed workflows. */
export function beginning(
  atMs: number,
  begun: {
    readonly plan: string;
    readonly credits: string;
    readonly runs: string;
    readonly resources: readonly RegisterRequest[];
    readonly workflows: readonly ResourceRef[];
  },
): readonly DemoStep[] {
  const plan = { source: 'PLAN', everyCycle: true, note: begun.plan } as const;
  return [
    {
      atMs,
      kind: 'ALLOCATE',
      request: { ...plan, amount: begun.credits, idempotencyKey: 'plan-credits' },
    },
    {
      atMs,
      kind: 'ALLOCATE',
      request: { ...plan, unit: 'WORKFLOW_RUNS', amount: begun.runs, idempotencyKey: 'plan-runs' },
    },
    { atMs, kind: 'REGISTER', requests: begun.resources },
    ...begun.workflows.map((resource): DemoStep => ({
      atMs,
      kind: 'WORKFLOW',
      resource,
      isDeployed: true,
    })),
  ];
}

/** The fields that every resource of a story has. */
export function resource<K extends RegisterRequest['kind']>(
  kind: K,
  externalId: string,
  name: string,
  owner: string,
): {
  readonly kind: K;
  readonly externalId: string;
  readonly name: string;
  readonly owner: string;
} {
  return { kind, externalId, name, owner };
}
