import type { Clock } from '../core/clock.ts';
import type { Database } from '../db/database.ts';
import { enqueue } from '../db/jobs.ts';
import type { Email } from './email.ts';
import { findEmail, saveAttempt } from './emails.store.ts';
import { failureText, type Mailer } from './mailer.client.ts';
import { RETRY_DELAYS_MS, sendEmailJob, type SendEmailPayload } from './send.ts';

export interface DeliveryOptions {
  readonly mailer: Mailer;
  /** The delay before each attempt after the first; default: RETRY_DELAYS_MS. */
  readonly retryDelaysMs?: readonly number[];
  /** Receives errors that the operator can fix: an unreachable mail server. */
  readonly onError: (error: unknown) => void;
}

/** Sends stored emails. */
export class DeliveryService {
  private readonly retryDelaysMs: readonly number[];

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly options: DeliveryOptions,
  ) {
    this.retryDelaysMs = options.retryDelaysMs ?? RETRY_DELAYS_MS;
  }

  /**
   * Makes one attempt. A failed attempt is stored, and the next one scheduled. An email that was delivered or given up is
   * not sent. If the gateway dies after the mail server's answer and before storing it, the email is sent again, with the
   * same Message-ID.
   */
  async deliver(ref: SendEmailPayload): Promise<void> {
    const email = await this.database.inTransaction(ref, (tx) => findEmail(tx, ref));
    if (email?.status !== 'PENDING') return;
    let refused: readonly string[];
    try {
      refused = await this.options.mailer.send(email);
    } catch (error) {
      this.options.onError(error);
      await this.noteFailure(email, failureText(error));
      return;
    }
    await this.database.inTransaction(ref, (tx) =>
      saveAttempt(tx, ref, {
        status: 'DELIVERED',
        lastError: refused.length === 0 ? null : `The mail server refused ${refused.join(', ')}.`,
        deliveredAtMs: this.clock.nowMs(),
      }),
    );
  }

  private async noteFailure(email: Email, lastError: string): Promise<void> {
    const { accountId, emailId, attempts } = email;
    const ref = { accountId, emailId };
    const delayMs = this.retryDelaysMs[attempts];
    const status = delayMs === undefined ? 'FAILED' : 'PENDING';
    await this.database.inTransaction(ref, async (tx) => {
      const noted = await saveAttempt(tx, ref, { status, lastError, deliveredAtMs: null });
      if (noted === null || delayMs === undefined) return;
      await enqueue(tx, sendEmailJob(ref, this.clock.nowMs() + delayMs));
    });
  }
}
