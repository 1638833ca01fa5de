// Many clients at once that never wait: what a gateway has to live through after an outage, and when more comes than it can do.

import { type Acting, sendEvents } from './driver.ts';

const CREDITS = '0.001';

/** Each client sends one event until it is known how it came out, at once again after each refusal. */
export async function stormBy(acting: Acting, clients: number): Promise<void> {
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const send = sendEvents(acting, [`${acting.round}-${client}`], CREDITS);
      while (!(await send()));
    }),
  );
}

/** Each client sends one batch after the other for so long. What is not known of one at the end is settled with the rest. */
export async function overloadBy(
  acting: Acting,
  { clients, lastsMs }: { readonly clients: number; readonly lastsMs: number },
): Promise<void> {
  const endMs = performance.now() + lastsMs;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let batch = 0; performance.now() < endMs; batch += 1) {
        const ids = Array.from(
          { length: 20 },
          (__, i) => `${acting.round}-${client}-${batch}-${i}`,
        );
        const send = sendEvents(acting, ids, CREDITS);
        while (!(await send())) {
          if (performance.now() < endMs) continue;
          acting.books.unsettled.push(async () => {
            while (!(await send()));
          });
          break;
        }
      }
    }),
  );
}
