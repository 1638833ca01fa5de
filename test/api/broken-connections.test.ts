// A gateway in a process of its own loses its database while it sends an email: it lives, says what went wrong, and takes the
// job up again when the database is back. Each test has a gateway and a mail server of its own, and waits most of its time, so
// they run side by side.

import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { allocate, ask, createAccount, NO_THRESHOLDS } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { asOwner, OPERATOR_KEY, startTestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { openLink } from '../support/link.ts';
import { type Mailbox, openMailbox } from '../support/mailbox.ts';
import {
  AdjustCreditsDocument,
  EmailsDocument,
  type EmailsQuery,
} from '@billing-gateway/client/operations';

const stops: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

interface SlowMailbox {
  readonly mailbox: Mailbox;
  /** Lets the mail server answer its first mail. */
  readonly answer: () => void;
}

async function openSlowMailbox(): Promise<SlowMailbox> {
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const mailbox = await openMailbox({ answerAfter: () => answered });
  stops.push(async () => {
    answer();
    await mailbox.close();
  });
  return { mailbox, answer };
}

async function start(
  { mailbox }: SlowMailbox,
  databaseUrl: string | null,
  env: object = {},
): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(databaseUrl, OPERATOR_KEY, {
    SMTP_URL: `smtp://127.0.0.1:${mailbox.port}`,
    WEBHOOK_SECRET_KEY: Buffer.alloc(32, 'test').toString('base64'),
    ...env,
  });
  stops.push(gateway.kill);
  return gateway;
}

/** An account that is sent an email now, since it is low on credits. @returns its id */
async function raiseAnEmail(gateway: GatewayProcess): Promise<string> {
  const id = await createAccount(gateway, {
    lowCredit: '10',
    negativeLimit: '-10',
    ...NO_THRESHOLDS,
    notificationEmails: ['ops@acme.example'],
  });
  await allocate(gateway, id, '20');
  await ask(gateway, AdjustCreditsDocument, {
    input: { accountId: id, amount: '-15', reason: 'a test', idempotencyKey: 'a test' },
  });
  return id;
}

/** Null also while the database is away. */
async function emailStatus(gateway: GatewayProcess, accountId: string): Promise<unknown> {
  const { data } = await gateway.query(EmailsDocument, { accountId });
  return (data as EmailsQuery | null)?.emails?.nodes[0]?.status ?? null;
}

async function failuresOf(gateway: GatewayProcess): Promise<number> {
  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
  const counts = [...metrics.matchAll(/^background_failures_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

interface Broken {
  readonly gateway: GatewayProcess;
  readonly break: () => unknown;
  /** Brings the database back; it may come back by itself. */
  readonly mend?: () => unknown;
}

async function byACutLink(mail: SlowMailbox): Promise<Broken> {
  const beside = await startTestGateway();
  stops.push(() => beside.close());
  const link = await openLink(beside.databaseUrl);
  stops.push(link.close);
  return { gateway: await start(mail, link.url), break: link.cut, mend: link.mend };
}

async function byEndedSessions(mail: SlowMailbox): Promise<Broken> {
  const beside = await startTestGateway();
  stops.push(() => beside.close());
  const { databaseUrl } = beside;
  return {
    gateway: await start(mail, databaseUrl),
    break: () =>
      asOwner(
        databaseUrl,
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      ),
  };
}

async function byAnImmediateStop(mail: SlowMailbox): Promise<Broken> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), 'billing-broken-'));
  await fs.chmod(folder, 0o755);
  stops.push(() => fs.rm(folder, { recursive: true, force: true }));
  const gateway = await start(mail, null, { DATA_DIR: folder });
  // Before it is killed: it stops the database that it started.
  stops.push(gateway.stop);
  return {
    gateway,
    break: async () => {
      const pidFile = path.join(folder, 'postgres', 'data', 'postmaster.pid');
      const pid = Number((await fs.readFile(pidFile, 'utf8')).split('\n')[0]);
      process.kill(pid, 'SIGQUIT');
    },
  };
}

describe('a gateway whose database is lost while a job runs', () => {
  it.concurrent.each<readonly [string, (mail: SlowMailbox) => Promise<Broken>]>([
    ['by a cut link', byACutLink],
    ['by the end of its sessions', byEndedSessions],
    ['by an immediate stop of the embedded database', byAnImmediateStop],
  ])('%s lives, counts and tells what failed, and sends again', async (_how, lose) => {
    const mail = await openSlowMailbox();
    const { mailbox, answer } = mail;
    const broken = await lose(mail);
    const { gateway } = broken;
    const accountId = await raiseAnEmail(gateway);
    await until(() => mailbox.mails.length === 1, 'the mail is sent');

    await broken.break();
    answer();
    if (broken.mend !== undefined) {
      // What the job writes finds nobody, and so do the looks for other work.
      await until(async () => (await failuresOf(gateway)) >= 2, 'failures are counted');
      broken.mend();
    }
    await until(
      async () => (await emailStatus(gateway, accountId)) === 'DELIVERED',
      'the email is delivered',
    );

    expect(gateway.status()).toBeNull();
    const health = await fetch(`${gateway.origin}/health/live`);
    expect(health.status).toBe(200);
    const isTold = gateway.complaints().includes('Background work failed and is tried again: ');
    expect(isTold).toBe((await failuresOf(gateway)) > 0);
    expect(gateway.complaints()).not.toContain('Unexpected fault');
  });
});
