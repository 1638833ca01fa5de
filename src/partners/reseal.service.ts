// Seals the secrets of all webhooks with the first key, so that the other keys can be dropped. A start does it when it is given
// several keys.

import type { Database, Tx } from '../db/database.ts';
import type { SecretBox } from './secret-box.service.ts';
import type { EndpointRef } from './webhook.ts';
import { listSealed, lockEndpoint, saveSecrets, type SealedEndpoint } from './webhooks.store.ts';

const READ_AT_ONCE = 500;

/** The number of webhooks. */
export interface Resealed {
  readonly resealed: number;
  /** Those with a secret that no key opens. */
  readonly unreadable: number;
}

type Outcome = 'CURRENT' | 'RESEALED' | 'UNREADABLE';

/** Seals the secrets of all webhooks that are not sealed with the first key. */
export async function resealSecrets(
  database: Database,
  box: SecretBox,
  nowMs: number,
): Promise<Resealed> {
  const counts = { CURRENT: 0, RESEALED: 0, UNREADABLE: 0 };
  let after: EndpointRef = { accountId: 0, endpointId: 0 };
  for (;;) {
    const page = await database.inSnapshot('system', (tx) => listSealed(tx, after, READ_AT_ONCE));
    for (const sealed of page) {
      const { endpoint } = sealed;
      const outcome = isCurrent(sealed, box)
        ? 'CURRENT'
        : await database.inTransaction(endpoint, (tx) => reseal(tx, endpoint, { box, nowMs }));
      counts[outcome] += 1;
      after = endpoint;
    }
    if (page.length < READ_AT_ONCE) break;
  }
  return { resealed: counts.RESEALED, unreadable: counts.UNREADABLE };
}

/** What a start says of it. */
export function resealedSentence({ resealed, unreadable }: Resealed): string {
  const sealed = `Webhooks whose secrets were sealed anew with the first key: ${resealed}.`;
  return unreadable === 0
    ? `${sealed} No other key is needed any more.`
    : `${sealed} Webhooks whose secrets no key opens: ${unreadable}. They send nothing until rotateWebhookSecret, or until a start with their key.`;
}

function isCurrent({ endpoint, secret, previous }: SealedEndpoint, box: SecretBox): boolean {
  return [secret, previous?.secret ?? []]
    .flat()
    .every((sealed) => box.isCurrent(sealed, endpoint.accountId));
}

async function reseal(
  tx: Tx,
  ref: EndpointRef,
  { box, nowMs }: { readonly box: SecretBox; readonly nowMs: number },
): Promise<Outcome> {
  const sealed = await lockEndpoint(tx, ref);
  if (sealed === null) return 'CURRENT';
  const { secret } = sealed;
  // One that has ended is not needed, whoever sealed it.
  const previous =
    sealed.previous !== null && sealed.previous.endsAtMs > nowMs ? sealed.previous : null;
  const { accountId } = ref;
  const isReadable = [secret, previous?.secret ?? []]
    .flat()
    .every((one) => box.opens(one, accountId));
  if (!isReadable) return 'UNREADABLE';
  const again = (one: Buffer): Buffer => box.seal(box.open(one, accountId), accountId);
  await saveSecrets(tx, ref, {
    secret: again(secret),
    previous: previous === null ? null : { ...previous, secret: again(previous.secret) },
  });
  return 'RESEALED';
}
