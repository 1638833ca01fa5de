import { requireAccount, requireRef } from '../access/authorize.ts';
import type { Account } from '../account/account.ts';
import type { AccountService } from '../account/account.service.ts';
import { DAY_MS } from '../core/range.ts';
import { type Actor, unknownId } from '../core/identity.ts';
import {
  type Settled,
  type CreditEventSubscriber,
  STOPPED_MESSAGE,
} from '../settlement/settlement.service.ts';
import type { Position } from '../engine/alert-rules.ts';
import type { CreditEvent } from '../engine/credit-event.ts';
import type { Tx } from '../db/database.ts';
import { enqueueAll } from '../db/jobs.ts';
import { emailOf } from './content.ts';
import { type Email, type EmailContent, type Instant, instantsOf } from './email.ts';
import { countEmails, findEmail, insertEmails, listEmails, loadHostingAt } from './emails.store.ts';
import { loadEventFacts } from './event-facts.service.ts';
import type { Addressee, EmailFacts } from './facts.ts';
import { sendEmailJob } from './send.ts';

/** Emails of an account in 24 hours; further ones are stored and shown, but not sent. */
export const EMAILS_PER_DAY_MAX = 500;

export interface EmailOptions {
  /** Domain of the sender, for Message-IDs. */
  readonly domain: string;
  /** False without a mail server: emails are stored and shown. */
  readonly isSending: boolean;
  /** The Usage page, which emails link to; null: no link. */
  readonly usageUrl: string | null;
}

/** Writes emails about credit events, and reads them for the API. */
export class EmailService implements CreditEventSubscriber {
  constructor(
    private readonly accounts: AccountService,
    private readonly options: EmailOptions,
  ) {}

  /** Writes an email for each instant at which something happened, in the same transaction. */
  async settled({ tx, account, creditEvents, position, forecast }: Settled): Promise<void> {
    if (account.notificationEmails.length === 0) return;
    const instants = instantsOf(creditEvents);
    if (instants.length === 0) return;
    const facts = await loadFacts(tx, this.addressee(account), {
      instants,
      // The email about a new deployment says how long it can run.
      position: creditEvents.some(({ what }) => what === 'DEPLOYMENT_STARTED')
        ? { ...position, stopsAtMs: forecast().stopsAtMs }
        : position,
    });
    await this.write(
      tx,
      account,
      instants.map((instant) => emailOf(instant, facts)),
    );
  }

  /** Writes an email to a locked account, to be sent after the commit. An account without addresses gets none. */
  async writeEmail(
    tx: Tx,
    account: Account,
    contentFor: (addressee: Addressee) => EmailContent,
  ): Promise<void> {
    if (account.notificationEmails.length === 0) return;
    await this.write(tx, account, [contentFor(this.addressee(account))]);
  }

  /** The emails of an account, newest first. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async list(
    actor: Actor,
    tx: Tx,
    list: {
      readonly accountId: string | null;
      readonly afterId: number | null;
      readonly limit: number;
    },
  ): Promise<{ readonly emails: readonly Email[]; readonly countAll: () => Promise<number> }> {
    const { accountId: named, ...page } = list;
    const path = ['accountId'];
    const accountId = requireAccount(actor, 'MANAGE', { accountId: named, path });
    await this.accounts.get(tx, accountId, named ?? undefined);
    return {
      emails: await listEmails(tx, accountId, page),
      countAll: () => countEmails(tx, accountId),
    };
  }

  /** The email with an id, for `node`. @throws FORBIDDEN, NOT_FOUND */
  async get(actor: Actor, tx: Tx, id: string): Promise<Email> {
    const ref = requireRef(actor, 'MANAGE', { id, types: ['Email'], path: ['id'] });
    const email = await findEmail(tx, { accountId: ref.accountId, emailId: ref.localId });
    if (email === null) throw unknownId(id, ['id']);
    return email;
  }

  private addressee(account: Account): Addressee & { readonly account: Account } {
    return { account, usageUrl: this.options.usageUrl };
  }

  private async write(tx: Tx, account: Account, contents: readonly EmailContent[]): Promise<void> {
    const { accountId, notificationEmails: to } = account;
    const createdAtMs = this.accounts.realNowMs();
    const receiver = { accountId, to, domain: this.options.domain };
    const ids = await insertEmails(tx, receiver, contents, {
      createdAtMs,
      limit: EMAILS_PER_DAY_MAX,
      sinceMs: createdAtMs - DAY_MS,
      surplusError: `Not sent: the account already got ${EMAILS_PER_DAY_MAX} emails within 24 hours.`,
    });
    if (!this.options.isSending || ids.length === 0) return;
    await enqueueAll(
      tx,
      ids.map((emailId) => sendEmailJob({ accountId, emailId })),
    );
  }
}

async function loadFacts(
  tx: Tx,
  addressee: Addressee & { readonly account: Account },
  { instants, position }: { readonly instants: readonly Instant[]; readonly position: Position },
): Promise<EmailFacts> {
  const { accountId } = addressee.account;
  const creditEvents = instants.flatMap((instant) => instant.creditEvents);
  const changes = creditEvents.filter((one) => 'resourceId' in one);
  const aboutHosting = creditEvents.filter(isAboutHosting);
  const hosting =
    aboutHosting.length === 0
      ? []
      : await loadHostingAt(tx, accountId, [...new Set(aboutHosting.map(({ atMs }) => atMs))]);
  const hostedIds = hosting.map(({ resourceId }) => resourceId);
  return {
    ...addressee,
    ...(await loadEventFacts(tx, accountId, creditEvents, hostedIds)),
    hosting,
    position: changes.length === 0 ? null : position,
    stoppedMessage: STOPPED_MESSAGE,
  };
}

function isAboutHosting(one: CreditEvent): boolean {
  if (one.what !== 'ALERT') return one.what !== 'CYCLE_CLOSED';
  return one.kind === 'STOP_EXPECTED' || one.kind === 'NEGATIVE_LIMIT_REACHED';
}
