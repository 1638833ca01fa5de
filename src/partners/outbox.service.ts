import { loadHardware } from '../catalogue/catalogue.store.ts';
import type { CreditEvent } from '../engine/credit-event.ts';
import type { Settled, CreditEventSubscriber } from '../settlement/settlement.service.ts';
import { loadEventFacts } from '../notifications/event-facts.service.ts';
import { loadRunning } from '../hosting/hosting.store.ts';
import { insertDeliveries, type NewDelivery } from './deliveries.store.ts';
import { enqueueSending } from './delivery.service.ts';
import { eventOf, type Facts, payloadOf, type ToldHosting } from './payloads.ts';
import { newWebhookId } from './secret-box.service.ts';
import type { WebhookEndpoint } from './webhook.ts';
import { lockListeners } from './webhooks.store.ts';

/** Writes a message of each credit event for each endpoint that subscribes to it, in the same transaction. */
export class WebhookOutbox implements CreditEventSubscriber {
  async settled(settled: Settled): Promise<void> {
    const { tx, account, recordedAtMs } = settled;
    const events = [...new Set(settled.creditEvents.map(eventOf))];
    const listeners = await lockListeners(tx, account.accountId, events);
    if (listeners.length === 0) return;
    const isHeard = (one: CreditEvent): boolean =>
      listeners.some(({ events: heard }) => heard.includes(eventOf(one)));
    const creditEvents = settled.creditEvents.filter(isHeard);
    const facts = await loadFacts(settled, creditEvents);
    const deliveries = creditEvents.flatMap((one) =>
      deliveriesOf(one, listeners, { facts, recordedAtMs }),
    );
    await insertDeliveries(tx, account.accountId, deliveries);
    await enqueueSending(tx, listeners, recordedAtMs);
  }
}

/** The same message, with the same id, for each endpoint that subscribes to the event. */
function deliveriesOf(
  creditEvent: CreditEvent,
  listeners: readonly WebhookEndpoint[],
  { facts, recordedAtMs }: { readonly facts: Facts; readonly recordedAtMs: number },
): readonly NewDelivery[] {
  const event = eventOf(creditEvent);
  const webhookId = newWebhookId();
  const payload = payloadOf(creditEvent, facts);
  return listeners
    .filter(({ events }) => events.includes(event))
    .map(({ endpointId }) => ({
      endpointId,
      webhookId,
      event,
      payload,
      createdAtMs: recordedAtMs,
    }));
}

async function loadFacts(
  { tx, account, recordedAtMs }: Settled,
  creditEvents: readonly CreditEvent[],
): Promise<Facts> {
  const { accountId } = account;
  const facts = await loadEventFacts(tx, accountId, creditEvents);
  const addresses = [...facts.resources.keys()].map((resourceId) => ({ accountId, resourceId }));
  const running = addresses.length === 0 ? [] : await loadRunning(tx, addresses);
  const names = new Map(
    (running.length === 0 ? [] : await loadHardware(tx)).map((one) => [one.hardwareId, one.name]),
  );
  const hosting = running.map((segment): [number, ToldHosting] => [
    segment.resourceId,
    { ...segment, hardware: names.get(segment.hardwareId) ?? '' },
  ]);
  return { ...facts, account, recordedAtMs, hosting: new Map(hosting) };
}
