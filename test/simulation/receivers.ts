// Who gets what gateways send: the receiver of webhooks and the mail server.

import type { Email } from '../../src/notifications/email.ts';
import type { Mailer } from '../../src/notifications/mailer.client.ts';
import type { Message } from '../../src/partners/sender.client.ts';
import type { Answer } from '../../src/partners/webhook.ts';
import type { Chance } from '../faults/chance.ts';
import type { Violations } from '../faults/violations.ts';
import { network } from './network.ts';
import { Process, timeline } from './time.ts';

const SEND_WITHIN_MS = 15_000;

/** Who gets the webhooks. */
export class Receiver {
  readonly byId = new Map<string, { readonly body: string; times: number }>();
  /** Until then nothing is answered. */
  downUntilMs = 0;
  private readonly process = new Process('receiver');

  constructor(
    private readonly chance: Chance,
    private readonly violations: Violations,
  ) {}

  /** Takes the place of a gateway's sender. */
  send({ headers, body }: Message): Promise<Answer> {
    return new Promise((resolve) => {
      const sender = timeline().current;
      const tooLate = timeline().after(sender, SEND_WITHIN_MS, () => {
        resolve({ status: null, error: 'It did not answer in time.' });
      });
      timeline().after(this.process, network().delayMs(), () => {
        const status = this.take(String(headers['webhook-id']), body);
        const slowMs = this.fails(0.2) ? this.chance.whole(1_000, 40_000) : 0;
        if (status === null) return;
        timeline().after(sender, network().delayMs() + slowMs, () => {
          tooLate.isCancelled = true;
          resolve({ status, retryAfter: null });
        });
      });
    });
  }

  private take(id: string, body: string): number | null {
    if (timeline().nowMs < this.downUntilMs) return null;
    if (this.fails(0.03)) return 503;
    const known = this.byId.get(id);
    if (known !== undefined && known.body !== body) {
      this.violations.add('a message has one id and one body', id);
    }
    this.byId.set(id, { body: known?.body ?? body, times: (known?.times ?? 0) + 1 });
    return this.fails(0.03) ? null : 204;
  }

  private fails(probability: number): boolean {
    return network().isFaulty && this.chance.happens(probability);
  }
}

/** Takes the place of the mail server. */
export class MailServer implements Mailer {
  /** How often each email came, by all that it says. */
  readonly came = new Map<string, number>();
  private readonly process = new Process('mail server');

  constructor(private readonly chance: Chance) {}

  send(email: Email): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const sender = timeline().current;
      const tooLate = timeline().after(sender, SEND_WITHIN_MS, () => {
        reject(new Error('The mail server did not answer in time.'));
      });
      timeline().after(this.process, network().delayMs(), () => {
        if (this.fails()) return;
        const said = sayingOf(email);
        this.came.set(said, (this.came.get(said) ?? 0) + 1);
        if (this.fails()) return;
        timeline().after(sender, network().delayMs(), () => {
          tooLate.isCancelled = true;
          resolve([]);
        });
      });
    });
  }

  private fails(): boolean {
    return network().isFaulty && this.chance.happens(0.05);
  }
}

/** All that an email says, its id and its addresses among it. */
export function sayingOf({ messageId, to, subject, text, html }: Email): string {
  return JSON.stringify([messageId, to, subject, text, html]);
}
