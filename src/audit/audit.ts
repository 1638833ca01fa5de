// Who changed what. Each mutation that changes something writes one entry, in the transaction of the change. An entry
// says what was changed from what to what, never a secret.

import type { Actor } from '../core/identity.ts';
import { formatMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import { withoutSecrets } from '../core/url.ts';

/** The mutations that write an entry when they change something. */
export const auditedActions = {
  adjustCredits: 'adjustCredits',
  advanceTestClock: 'advanceTestClock',
  allocate: 'allocate',
  closeAccount: 'closeAccount',
  createAccount: 'createAccount',
  createApiKey: 'createApiKey',
  createHardwareProfile: 'createHardwareProfile',
  createPortalToken: 'createPortalToken',
  createThreshold: 'createThreshold',
  createWebhookEndpoint: 'createWebhookEndpoint',
  deleteResource: 'deleteResource',
  deleteThreshold: 'deleteThreshold',
  deleteWebhookEndpoint: 'deleteWebhookEndpoint',
  deploy: 'deploy',
  deployWorkflow: 'deployWorkflow',
  deploymentFailed: 'deploymentFailed',
  deploymentReady: 'deploymentReady',
  erasePersonalData: 'erasePersonalData',
  redeliverWebhook: 'redeliverWebhook',
  revokeApiKey: 'revokeApiKey',
  rotateWebhookSecret: 'rotateWebhookSecret',
  scale: 'scale',
  sendTestWebhook: 'sendTestWebhook',
  setCreditPolicy: 'setCreditPolicy',
  setCreditPrice: 'setCreditPrice',
  setHardwareRate: 'setHardwareRate',
  undeploy: 'undeploy',
  undeployWorkflow: 'undeployWorkflow',
  updateAccount: 'updateAccount',
  updateWebhookEndpoint: 'updateWebhookEndpoint',
  voidAllocation: 'voidAllocation',
  voidUsage: 'voidUsage',
} as const;
export type AuditedAction = keyof typeof auditedActions;

/** The mutations that write none: usage events, and resources as the platform registers them, are records themselves. */
export const unauditedMutations: readonly string[] = [
  'recordHosting',
  'recordUsage',
  'registerBrowserPod',
  'registerCustomScript',
  'registerGuardrail',
  'registerModel',
  'registerModelDeployment',
  'registerOcrDeployment',
  'registerResources',
  'registerWorkflow',
];

const SUMMARY_LENGTH_MAX = 500;

type Value = string | number | bigint | boolean | null | readonly string[];
/** Values by name. A name that ends in `Micro` or `Ms` has that unit; one that ends in `url` has a URL. */
export type Fields = Readonly<Record<string, Value>>;

/** A field that a call changed; null: it has no value. */
export interface FieldChange {
  readonly field: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** What a call changed. */
export interface AuditedChange {
  readonly action: AuditedAction;
  /** Null for what belongs to no account. */
  readonly accountId: number | null;
  /** The opaque id of what was changed. */
  readonly target: string;
  /** What people call it. */
  readonly name?: string;
  /** Left out for what is new. Fields with the same value before and after are left out of the entry. */
  readonly from?: Fields;
  /** Left out for what is gone. */
  readonly to?: Fields;
}

export interface NewAuditEntry {
  readonly accountId: number | null;
  readonly actor: string;
  /** Whether the actor belongs to no account. */
  readonly isOperator: boolean;
  readonly action: AuditedAction;
  readonly target: string;
  readonly summary: string;
  readonly changes: readonly FieldChange[];
  readonly requestId: string | null;
  readonly address: string | null;
}

export interface AuditEntry extends NewAuditEntry {
  readonly entryId: number;
  /** The real time, also for a test account. */
  readonly atMs: number;
}

/** The entry of a change. */
export function auditEntry(actor: Actor, change: AuditedChange): NewAuditEntry {
  const { accountId, action, target } = change;
  const changes = changesOf(change.from ?? {}, change.to ?? {});
  return {
    accountId,
    actor: actor.name,
    isOperator: actor.accountId === null,
    action,
    target,
    summary: summaryOf(change, changes),
    changes,
    requestId: actor.source?.requestId ?? null,
    address: actor.source?.address ?? null,
  };
}

/** The fields that differ, in the order of `from`, then of `to`. A URL may differ in what is not shown of it. */
export function changesOf(from: Fields, to: Fields): readonly FieldChange[] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .map((name) => ({
      name,
      before: textOf(name, from[name] ?? null),
      after: textOf(name, to[name] ?? null),
    }))
    .filter(({ before, after }) => before !== after)
    .map(({ name, before, after }) => ({
      field: name.replace(/(Micro|Ms)$/, ''),
      from: shown(name, before),
      to: shown(name, after),
    }));
}

function shown(name: string, text: string | null): string | null {
  return text !== null && /url$/i.test(name) ? withoutSecrets(text) : text;
}

function textOf(name: string, value: Value): string | null {
  if (value === null) return null;
  if (typeof value === 'bigint') return formatMicro(value);
  if (typeof value === 'number' && name.endsWith('Ms')) return isoInstant(value);
  return typeof value === 'object' ? value.join(', ') : String(value);
}

/** «Set credit policy of Acme: lowCredit from 0 to 10.» */
function summaryOf({ action, name }: AuditedChange, changes: readonly FieldChange[]): string {
  const words = action.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const what = `${words.charAt(0).toUpperCase()}${words.slice(1).replace(' api ', ' API ')}`;
  const of = name === undefined ? what : `${what} of ${name}`;
  const parts = changes.map(({ field, from, to }) =>
    from === null ? `${field} ${to ?? 'none'}` : `${field} from ${from} to ${to ?? 'none'}`,
  );
  const summary = parts.length === 0 ? `${of}.` : `${of}: ${parts.join(', ')}.`;
  return summary.length > SUMMARY_LENGTH_MAX
    ? `${summary.slice(0, SUMMARY_LENGTH_MAX - 1)}…`
    : summary;
}
