import { invariant } from '../core/errors.ts';
import type { Task } from '../db/jobs.ts';
import { type WebhookDeliveryService, SEND_TASK } from './delivery.service.ts';
import type { EndpointRef } from './webhook.ts';

/** The task that sends an endpoint's pending messages. */
export function sendWebhooksTask(deliveries: WebhookDeliveryService): Task {
  return {
    name: SEND_TASK,
    run: async (payload) => {
      await deliveries.send(parseRef(payload));
    },
  };
}

function parseRef(payload: unknown): EndpointRef {
  const fields = new Map(Object.entries(typeof payload === 'object' ? (payload ?? {}) : {}));
  const accountId: unknown = fields.get('accountId');
  const endpointId: unknown = fields.get('endpointId');
  invariant(
    typeof accountId === 'number' && typeof endpointId === 'number',
    'payload of a webhook job',
    { payload },
  );
  return { accountId, endpointId };
}
