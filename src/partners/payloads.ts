// The message of each event, { type, timestamp, data }, with the API's ids and with credits as decimal
// strings. A message is a snapshot, written in the transaction of its event, and stays under 20 kB.

import type { Account } from '../account/account.ts';
import { alertOf } from '../alerts/alert.ts';
import { encodeCursor } from '../core/cursor.ts';
import { invariant } from '../core/errors.ts';
import { encodeId } from '../core/identity.ts';
import { formatMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import type { CycleSums } from '../engine/lots.ts';
import type {
  AlertRaised,
  CycleClosed,
  DeploymentChange,
  CreditEvent,
} from '../engine/credit-event.ts';
import { isThreshold } from '../engine/alert-rules.ts';
import type { EventFacts } from '../notifications/facts.ts';
import { type Resource, typeOfKind } from '../resources/resource.ts';
import type { WebhookEndpoint, WebhookEvent } from './webhook.ts';

/** The limit that Standard Webhooks recommends. */
export const PAYLOAD_BYTES_MAX = 20_000;
/** The part of it for the list of stopped deployments; the API has the full list. */
const STOPPED_BYTES_MAX = 12_000;

/** The hosting of a deployment. */
export interface ToldHosting {
  readonly hardware: string;
  readonly replicas: number;
  /** For one replica. */
  readonly rateMicroPerHour: bigint;
}

/** What messages need besides the credit event. */
export interface Facts extends EventFacts {
  readonly account: Account;
  readonly recordedAtMs: number;
  /** By resource; those that do not run are left out. */
  readonly hosting: ReadonlyMap<number, ToldHosting>;
}

/** The webhook event of a credit event. */
export function eventOf(creditEvent: CreditEvent): WebhookEvent {
  return creditEvent.what === 'ALERT' ? 'ALERT_RAISED' : creditEvent.what;
}

/** The message of a credit event. */
export function payloadOf(creditEvent: CreditEvent, facts: Facts): string {
  return JSON.stringify({
    type: eventOf(creditEvent),
    timestamp: isoInstant(creditEvent.atMs),
    data: { account: accountOf(facts.account), ...dataOf(creditEvent, facts) },
  });
}

/** The test message of an endpoint. */
export function testPayloadOf(account: Account, endpoint: WebhookEndpoint, atMs: number): string {
  const { accountId, endpointId, events } = endpoint;
  return JSON.stringify({
    type: 'WEBHOOK_TEST' satisfies WebhookEvent,
    timestamp: isoInstant(atMs),
    data: {
      account: accountOf(account),
      endpoint: { id: encodeId('WebhookEndpoint', accountId, endpointId), events },
    },
  });
}

function dataOf(creditEvent: CreditEvent, facts: Facts): object {
  switch (creditEvent.what) {
    case 'ALERT':
      return { alert: alertData(creditEvent, facts) };
    case 'CYCLE_CLOSED':
      return { cycle: cycleData(creditEvent, facts.account.accountId) };
    case 'DEPLOYMENT_STARTED':
    case 'DEPLOYMENT_CHANGED':
      return deploymentData(creditEvent, facts);
    case 'DEPLOYMENT_STOPPED':
      return { ...deploymentData(creditEvent, facts), cause: creditEvent.cause };
  }
}

function accountOf({ accountId, externalId }: Account): object {
  return { id: encodeId('Account', accountId, accountId), externalId };
}

function alertData(raised: AlertRaised, facts: Facts): object {
  const { accountId } = facts.account;
  const alert = alertOf(accountId, raised, facts.recordedAtMs);
  const { sequence, resolves } = alert;
  const stopped = alert.stoppedResourceIds.map((id) => deploymentOf(facts, id));
  return {
    id: encodeId('Alert', accountId, sequence),
    sequence,
    cursor: encodeCursor({ value: null, id: sequence }),
    kind: alert.kind,
    threshold: thresholdOf(raised, facts),
    crossedAt: isoInstant(alert.crossedAtMs),
    raisedAt: isoInstant(alert.raisedAtMs),
    remaining: formatMicro(alert.remainingMicro),
    percentUsed: alert.percentUsed,
    runsRemaining: alert.runsRemaining,
    measured: alert.measuredMicro === null ? null : formatMicro(alert.measuredMicro),
    message: alert.message,
    stoppedCount: stopped.length,
    stopped: firstThatFit(stopped, STOPPED_BYTES_MAX),
    resolves:
      resolves === null ? null : { id: encodeId('Alert', accountId, resolves), sequence: resolves },
  };
}

function thresholdOf({ ruleId, measure, valueMicro }: AlertRaised, facts: Facts): object | null {
  if (!isThreshold(measure)) return null;
  return {
    id: encodeId('Threshold', facts.account.accountId, ruleId),
    measure,
    value: formatMicro(valueMicro),
    label: facts.labels.get(ruleId) ?? null,
  };
}

function deploymentData(turn: DeploymentChange, facts: Facts): object {
  const resource = resourceAt(facts, turn.resourceId);
  const hosting = facts.hosting.get(turn.resourceId);
  return {
    deployment: {
      ...deploymentOf(facts, turn.resourceId),
      owner: resource.owner,
      status: resource.status,
      endpointUrl: resource.endpointUrl,
      failureMessage: resource.failureMessage,
    },
    hosting:
      hosting === undefined
        ? null
        : {
            hardware: hosting.hardware,
            replicas: hosting.replicas,
            creditsPerHour: formatMicro(BigInt(hosting.replicas) * hosting.rateMicroPerHour),
          },
  };
}

function deploymentOf(facts: Facts, resourceId: number): object {
  const { accountId, kind, externalId, name } = resourceAt(facts, resourceId);
  return { id: encodeId(typeOfKind[kind], accountId, resourceId), kind, externalId, name };
}

function resourceAt(facts: Facts, resourceId: number): Resource {
  const resource = facts.resources.get(resourceId);
  invariant(resource !== undefined, 'what an creditEvent points to exists', { resourceId });
  return resource;
}

function cycleData({ cycle, credits, runs }: CycleClosed, accountId: number): object {
  return {
    id: encodeId('BillingCycle', accountId, cycle.cycleId),
    startsAt: isoInstant(cycle.startMs),
    endsAt: isoInstant(cycle.endMs),
    ...sumsOf(credits),
    workflowRuns: sumsOf(runs),
  };
}

function sumsOf(sums: CycleSums & { readonly closingMicro: bigint }): object {
  return {
    carriedOver: formatMicro(sums.carriedOverMicro),
    allocated: formatMicro(sums.allocatedMicro),
    used: formatMicro(sums.usedMicro),
    expired: formatMicro(sums.expiredMicro),
    adjusted: formatMicro(sums.adjustedMicro),
    closing: formatMicro(sums.closingMicro),
  };
}

function firstThatFit(parts: readonly object[], bytesMax: number): readonly object[] {
  let bytes = 0;
  const end = parts.findIndex((part) => {
    bytes += Buffer.byteLength(JSON.stringify(part)) + 1;
    return bytes > bytesMax;
  });
  return end === -1 ? parts : parts.slice(0, end);
}
