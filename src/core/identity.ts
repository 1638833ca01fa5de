// Who asks (Actor), and the opaque ids of the API. An id carries its type and account, so that `node(id)` knows whose
// data to open before it reads anything.

import { NotFoundError, type ErrorPath } from './errors.ts';
import { INT_MAX } from './micro.ts';

export const scopes = {
  READ_USAGE: 'READ_USAGE',
  INGEST: 'INGEST',
  MANAGE: 'MANAGE',
  OPERATOR: 'OPERATOR',
} as const;
export type Scope = keyof typeof scopes;

/** Where a call came from. */
export interface CallSource {
  /** The id of its request; of a socket, that of the request that opened it. */
  readonly requestId: string;
  /** The network address of the caller; null when what was said of it is none. */
  readonly address: string | null;
}

/** The holder of a key, a portal token or a JWT. `accountId` is null for an operator, who may act on any account. */
export interface Actor {
  /** Names the caller in records: `key:12`, `portal:34`, `jwt:<its subject>`. */
  readonly name: string;
  /** The row of its key or portal token; null for a JWT, which has none. */
  readonly keyId: number | null;
  readonly accountId: number | null;
  readonly scopes: ReadonlySet<Scope>;
  /** When its key, token or JWT expires, epoch ms; null or left out: never. */
  readonly endsAtMs?: number | null;
  /** Of a portal token: the web origins that may use it. Empty or left out: as for keys. */
  readonly origins?: readonly string[];
  /** Absent for work that no request asked for. */
  readonly source?: CallSource;
}

/** What tells callers apart where they are counted: accounts name the subjects of their JWTs each for itself. */
export function callerKey({ accountId, name }: Actor): string {
  return JSON.stringify([accountId, name]);
}

export const nodeTypes = {
  Account: 'Account',
  Alert: 'Alert',
  ApiKey: 'ApiKey',
  AuditEntry: 'AuditEntry',
  BillingCycle: 'BillingCycle',
  BrowserPod: 'BrowserPod',
  CreditAllocation: 'CreditAllocation',
  CustomScript: 'CustomScript',
  Email: 'Email',
  Guardrail: 'Guardrail',
  HardwareProfile: 'HardwareProfile',
  LedgerEntry: 'LedgerEntry',
  Model: 'Model',
  ModelDeployment: 'ModelDeployment',
  OcrDeployment: 'OcrDeployment',
  Statement: 'Statement',
  Threshold: 'Threshold',
  UsageEvent: 'UsageEvent',
  WebhookDelivery: 'WebhookDelivery',
  WebhookEndpoint: 'WebhookEndpoint',
  Workflow: 'Workflow',
} as const;
export type NodeType = keyof typeof nodeTypes;

/** Stands in the place of an account where there is none: in ids, and in the keys of rows. */
export const NO_ACCOUNT = 0;

/** What an opaque id says. `accountId` is NO_ACCOUNT for what belongs to no account (hardware, operator keys and what these do). */
export interface NodeRef {
  readonly type: NodeType;
  readonly accountId: number;
  readonly localId: number;
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Both digits of twelve bits. */
const DIGITS_OF_12_BITS = Array.from(
  { length: 4_096 },
  (_, bits) => `${BASE64URL.charAt(bits >> 6)}${BASE64URL.charAt(bits & 63)}`,
);

/** What the ids of one type and account have in common: encoded as far as whole bytes go, and the bytes that are left. */
interface Beginning {
  readonly accountId: number;
  readonly encoded: string;
  readonly left: string;
}

/** The last one of each type. */
const beginnings = new Map<NodeType, Beginning>();

/** The opaque id of a row. @param accountId null: the row belongs to no account */
export function encodeId(type: NodeType, accountId: number | null, localId: number): string {
  const account = accountId ?? NO_ACCOUNT;
  const known = beginnings.get(type);
  const { encoded, left } = known?.accountId === account ? known : beginningOf(type, account);
  return encoded + base64url(left + localId.toString());
}

// Rows of a page are of one account.
function beginningOf(type: NodeType, accountId: number): Beginning {
  const text = `${type}.${accountId}.`;
  const whole = text.length - (text.length % 3);
  const beginning = {
    accountId,
    encoded: base64url(text.slice(0, whole)),
    left: text.slice(whole),
  };
  beginnings.set(type, beginning);
  return beginning;
}

// Of ASCII. For texts as short as these it takes a quarter of the time that a buffer does.
function base64url(text: string): string {
  let encoded = '';
  let at = 0;
  for (; at + 2 < text.length; at += 3) {
    const bits =
      (text.charCodeAt(at) << 16) | (text.charCodeAt(at + 1) << 8) | text.charCodeAt(at + 2);
    encoded += `${DIGITS_OF_12_BITS[bits >> 12]}${DIGITS_OF_12_BITS[bits & 4_095]}`;
  }
  if (at + 1 < text.length) {
    const bits = (text.charCodeAt(at) << 10) | (text.charCodeAt(at + 1) << 2);
    encoded += `${DIGITS_OF_12_BITS[bits >> 6]}${BASE64URL.charAt(bits & 63)}`;
  } else if (at < text.length) {
    encoded += `${DIGITS_OF_12_BITS[text.charCodeAt(at) << 4]}`;
  }
  return encoded;
}

/** Types whose rows are numbered with 64 bits; all others, and accounts, with 32. */
const manyRows: ReadonlySet<NodeType> = new Set([
  'Alert',
  'AuditEntry',
  'CreditAllocation',
  'Email',
  'LedgerEntry',
  'Threshold',
  'UsageEvent',
  'WebhookDelivery',
]);

/** What an id says; null when it is not one of ours. */
export function decodeId(id: string): NodeRef | null {
  const match = /^([A-Za-z]+)\.(\d{1,15})\.(\d{1,15})$/.exec(
    Buffer.from(id, 'base64url').toString('latin1'),
  );
  if (match === null) return null;
  const type = Object.values(nodeTypes).find((known) => known === match[1]);
  if (type === undefined) return null;
  const ref = { type, accountId: Number(match[2]), localId: Number(match[3]) };
  if (ref.accountId > INT_MAX || (!manyRows.has(type) && ref.localId > INT_MAX)) return null;
  const isWhole =
    type === 'Account'
      ? ref.localId === ref.accountId
      : type !== 'HardwareProfile' || ref.accountId === NO_ACCOUNT;
  if (!isWhole) return null;
  // One row has one id: other spellings of the same bytes are unknown ids.
  return encodeId(ref.type, ref.accountId, ref.localId) === id ? ref : null;
}

/** The same error for an id that does not exist and for an id of another account. */
export function unknownId(id: string, path?: ErrorPath): NotFoundError {
  return new NotFoundError(`Nothing was found under the id ${JSON.stringify(id.slice(0, 80))}.`, {
    path,
  });
}
