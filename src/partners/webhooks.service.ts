import { requireAccount, requireRef } from '../access/authorize.ts';
import type { AccountService } from '../account/account.service.ts';
import { type AuditedChange, auditEntry, type Fields } from '../audit/audit.ts';
import { insertAudit } from '../audit/audit.store.ts';
import { ConflictError, invariant, UnavailableError } from '../core/errors.ts';
import { type Actor, encodeId, unknownId } from '../core/identity.ts';
import type { Tx } from '../db/database.ts';
import {
  failPending,
  findDelivery,
  insertDeliveries,
  restartDelivery,
  restartPending,
} from './deliveries.store.ts';
import { enqueueSending } from './delivery.service.ts';
import { testPayloadOf } from './payloads.ts';
import { newWebhookId, newWebhookSecret, type SecretBox } from './secret-box.service.ts';
import { isPrivateHost } from './sender.client.ts';
import {
  type EndpointRef,
  parseEvents,
  parseKeepOldSeconds,
  parseWebhookUrl,
  requireRoom,
  type WebhookDelivery,
  type WebhookEndpoint,
  type WebhookEvent,
} from './webhook.ts';
import {
  deleteEndpoint,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  lockEndpoint,
  saveEndpoint,
  saveSecrets,
  type SealedEndpoint,
} from './webhooks.store.ts';

/** The arguments of createWebhookEndpoint, as the API takes them. */
export interface CreateEndpointRequest {
  readonly accountId?: string | null;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
}

/** The arguments of updateWebhookEndpoint; null or left out: unchanged. */
export interface UpdateEndpointRequest {
  readonly id: string;
  readonly url: string | null;
  readonly events: readonly WebhookEvent[] | null;
  readonly enabled: boolean | null;
}

export interface EndpointWithSecret {
  readonly endpoint: WebhookEndpoint;
  /** Shown once. */
  readonly secret: string;
}

/** The endpoints of an account and their deliveries, as partners manage them. All of it requires MANAGE. */
export class WebhookService {
  constructor(
    private readonly accounts: AccountService,
    private readonly options: {
      readonly allowLoopback: boolean;
      /** Null: no endpoint can be made, since its secret could not be stored. */
      readonly box: SecretBox | null;
    },
  ) {}

  /** An account's endpoints, oldest first. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async list(
    actor: Actor,
    tx: Tx,
    named: { readonly accountId: string | null },
  ): Promise<readonly WebhookEndpoint[]> {
    const accountId = requireAccount(actor, 'MANAGE', { ...named, path: ['accountId'] });
    await this.accounts.get(tx, accountId, named.accountId ?? undefined);
    return listEndpoints(tx, accountId);
  }

  /** @throws FORBIDDEN, NOT_FOUND */
  async getEndpoint(actor: Actor, tx: Tx, id: string): Promise<WebhookEndpoint> {
    const endpoint = await findEndpoint(tx, endpointRef(actor, id, 'id'));
    if (endpoint === null) throw unknownId(id, ['id']);
    return endpoint;
  }

  /** @throws FORBIDDEN, NOT_FOUND */
  async getDelivery(actor: Actor, tx: Tx, id: string): Promise<WebhookDelivery> {
    const delivery = await findDelivery(tx, deliveryRef(actor, id, 'id'));
    if (delivery === null) throw unknownId(id, ['id']);
    return delivery;
  }

  /**
   * Adds an endpoint, enabled.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT for a URL that is not allowed, CONFLICT when there are too many,
   *   UNAVAILABLE without WEBHOOK_SECRET_KEY
   */
  async create(actor: Actor, request: CreateEndpointRequest): Promise<EndpointWithSecret> {
    const path = ['input', 'accountId'];
    const accountId = requireAccount(actor, 'MANAGE', { accountId: request.accountId, path });
    const url = this.parseUrl(request.url, ['input', 'url']);
    const events = parseEvents(request.events, ['input', 'events']);
    const box = this.requireBox();
    return this.accounts.inAccount(accountId, async (tx) => {
      requireRoom((await listEndpoints(tx, accountId)).length);
      const secret = newWebhookSecret();
      const createdAtMs = this.accounts.realNowMs();
      const made = { accountId, url, events, createdAtMs };
      const endpoint = await insertEndpoint(tx, made, box.seal(secret, accountId));
      this.audit(tx, actor, {
        action: 'createWebhookEndpoint',
        ref: endpoint,
        to: { url, events },
      });
      return { endpoint, secret };
    });
  }

  /**
   * Changes an endpoint. Enabling it sends the messages that are pending since it was disabled, as if they were new.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async update(actor: Actor, request: UpdateEndpointRequest): Promise<WebhookEndpoint> {
    const ref = endpointRef(actor, request.id, 'id');
    const url = request.url === null ? null : this.parseUrl(request.url, ['url']);
    const events = request.events === null ? null : parseEvents(request.events, ['events']);
    return this.inEndpoint(ref, request.id, async (tx, { endpoint }) => {
      const nowMs = this.accounts.realNowMs();
      const enabled = request.enabled ?? endpoint.enabled;
      const changed = {
        ...endpoint,
        url: url ?? endpoint.url,
        events: events ?? endpoint.events,
        enabled,
        disabledAtMs: enabled ? null : (endpoint.disabledAtMs ?? nowMs),
      };
      await saveEndpoint(tx, changed);
      if (enabled && !endpoint.enabled) {
        await restartPending(tx, ref, nowMs);
        await enqueueSending(tx, [ref], nowMs);
      }
      this.audit(tx, actor, {
        action: 'updateWebhookEndpoint',
        ref,
        from: auditedEndpoint(endpoint),
        to: auditedEndpoint(changed),
      });
      return changed;
    });
  }

  /**
   * Gives an endpoint another secret. The old one also signs for `keepOldSeconds`; an even older one ends now.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, UNAVAILABLE without WEBHOOK_SECRET_KEY
   */
  async rotate(
    actor: Actor,
    { id, keepOldSeconds }: { readonly id: string; readonly keepOldSeconds: number | null },
  ): Promise<EndpointWithSecret> {
    const ref = endpointRef(actor, id, 'id');
    const keepMs = parseKeepOldSeconds(keepOldSeconds, ['keepOldSeconds']) * 1_000;
    const box = this.requireBox();
    return this.inEndpoint(ref, id, async (tx, { endpoint, secret: old }) => {
      const secret = newWebhookSecret();
      const endsAtMs = this.accounts.realNowMs() + keepMs;
      // A secret whose sealing key was lost cannot sign any more.
      const keepsOld = keepMs > 0 && box.opens(old, ref.accountId);
      await saveSecrets(tx, ref, {
        secret: box.seal(secret, ref.accountId),
        previous: keepsOld ? { secret: old, endsAtMs } : null,
      });
      this.audit(tx, actor, {
        action: 'rotateWebhookSecret',
        ref,
        to: { oldSecretEndsAtMs: keepsOld ? endsAtMs : this.accounts.realNowMs() },
      });
      return { endpoint, secret };
    });
  }

  /** Deletes an endpoint; its pending messages are not sent. @throws FORBIDDEN, NOT_FOUND */
  async delete(actor: Actor, id: string): Promise<string> {
    const ref = endpointRef(actor, id, 'id');
    await this.inEndpoint(ref, id, async (tx, { endpoint }) => {
      await failPending(tx, ref, 'The endpoint was deleted.');
      await deleteEndpoint(tx, ref, this.accounts.realNowMs());
      this.audit(tx, actor, {
        action: 'deleteWebhookEndpoint',
        ref,
        from: auditedEndpoint(endpoint),
      });
    });
    return id;
  }

  /**
   * Sends a message again, under the same id, whatever its state.
   * @throws FORBIDDEN, NOT_FOUND, CONFLICT while its endpoint is disabled
   */
  async redeliver(actor: Actor, deliveryId: string): Promise<WebhookDelivery> {
    const ref = deliveryRef(actor, deliveryId, 'deliveryId');
    return this.accounts.inAccount(ref.accountId, async (tx) => {
      const delivery = await findDelivery(tx, ref);
      if (delivery === null) throw unknownId(deliveryId, ['deliveryId']);
      const sealed = await lockEndpoint(tx, delivery);
      if (sealed?.endpoint.enabled !== true) {
        throw new ConflictError(
          'The endpoint of this delivery is disabled: enable it first, which also sends its pending messages.',
          { path: ['deliveryId'] },
        );
      }
      const nowMs = this.accounts.realNowMs();
      // It was read without a lock, and may have been pruned since.
      if (!(await restartDelivery(tx, ref, nowMs))) throw unknownId(deliveryId, ['deliveryId']);
      await enqueueSending(tx, [delivery], nowMs);
      const entry = auditEntry(actor, {
        action: 'redeliverWebhook',
        accountId: ref.accountId,
        target: deliveryId,
        to: { event: delivery.event },
      });
      insertAudit(tx, [entry], nowMs);
      return (await findDelivery(tx, ref)) ?? delivery;
    });
  }

  /**
   * Sends a test message to an endpoint, whatever it subscribes to, once. It is sent by the endpoint's job, as all others are.
   * @throws FORBIDDEN, NOT_FOUND, CONFLICT while the endpoint is disabled
   */
  async sendTest(actor: Actor, id: string): Promise<WebhookDelivery> {
    const ref = endpointRef(actor, id, 'endpointId');
    const { accountId, endpointId } = ref;
    return this.accounts.inAccount(accountId, async (tx, account) => {
      const endpoint = (await lockEndpoint(tx, ref))?.endpoint ?? null;
      if (endpoint === null) throw unknownId(id, ['endpointId']);
      if (!endpoint.enabled) {
        throw new ConflictError('The endpoint is disabled: enable it first.', {
          path: ['endpointId'],
        });
      }
      const nowMs = this.accounts.realNowMs();
      const webhookId = newWebhookId();
      const payload = testPayloadOf(account, endpoint, nowMs);
      const [deliveryId] = await insertDeliveries(tx, accountId, [
        { endpointId, webhookId, event: 'WEBHOOK_TEST', payload, createdAtMs: nowMs },
      ]);
      invariant(deliveryId !== undefined, 'a message was written');
      await enqueueSending(tx, [ref], nowMs);
      this.audit(tx, actor, { action: 'sendTestWebhook', ref, to: { webhookId } });
      const delivery = await findDelivery(tx, { accountId, deliveryId });
      invariant(delivery !== null, 'its endpoint exists');
      return delivery;
    });
  }

  /** Runs a change of an endpoint under the locks of the account and the endpoint. */
  private async inEndpoint<T>(
    ref: EndpointRef,
    id: string,
    work: (tx: Tx, sealed: SealedEndpoint) => Promise<T>,
  ): Promise<T> {
    return this.accounts.inAccount(ref.accountId, async (tx) => {
      const sealed = await lockEndpoint(tx, ref);
      if (sealed === null) throw unknownId(id, ['id']);
      return work(tx, sealed);
    });
  }

  /** Writes the entry of a change, unless nothing is different. */
  private audit(
    tx: Tx,
    actor: Actor,
    change: Pick<AuditedChange, 'action' | 'from' | 'to'> & { readonly ref: EndpointRef },
  ): void {
    const { ref, ...what } = change;
    const { accountId, endpointId } = ref;
    const target = encodeId('WebhookEndpoint', accountId, endpointId);
    const entry = auditEntry(actor, { ...what, accountId, target });
    if (entry.changes.length > 0) insertAudit(tx, [entry], this.accounts.realNowMs());
  }

  private parseUrl(url: string, path: readonly string[]): string {
    return parseWebhookUrl(url, isPrivateHost, { ...this.options, path });
  }

  private requireBox(): SecretBox {
    const { box } = this.options;
    if (box !== null) return box;
    throw new UnavailableError(
      'Webhooks are not set up on this gateway: its operator has to set WEBHOOK_SECRET_KEY.',
    );
  }
}

function auditedEndpoint({ url, events, enabled }: WebhookEndpoint): Fields {
  return { url, events, enabled };
}

function endpointRef(actor: Actor, id: string, argument: string): EndpointRef {
  const named = { id, types: ['WebhookEndpoint'], path: [argument] } as const;
  const { accountId, localId } = requireRef(actor, 'MANAGE', named);
  return { accountId, endpointId: localId };
}

function deliveryRef(
  actor: Actor,
  id: string,
  argument: string,
): { readonly accountId: number; readonly deliveryId: number } {
  const named = { id, types: ['WebhookDelivery'], path: [argument] } as const;
  const { accountId, localId } = requireRef(actor, 'MANAGE', named);
  return { accountId, deliveryId: localId };
}
