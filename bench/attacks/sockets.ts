// Many subscribers of one burning account's balance, within all bounds: what they take of the gateway's processor beyond
// sending, whether they ask the database for more than one subscriber does, and how long another caller waits meanwhile.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { invariant } from '../../src/core/errors.ts';
import { encodeId } from '../../src/core/identity.ts';
import type { BenchGateway } from '../support/gateway.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { processorMs } from '../support/processor.ts';
import { note, printTable, quantile } from '../support/measure.ts';
import type { PlainJob, Received, SocketsAnswer, SocketsAsk, SocketsJob } from './sockets-job.ts';

const SECONDS = 10;
const SETTLE_MS = 3_000;
const BYSTANDER_EVERY_MS = 100;
/** As many sockets as an account may have, with twenty of each key. */
const KEYS = 25;

const REMAINING = 'subscription { creditBalance(everySeconds: 1) { remaining } }';
const STOPS = 'subscription { creditBalance(everySeconds: 1) { remaining stopsAt } }';

interface Crowd {
  readonly name: string;
  readonly keys: number;
  readonly socketsPerKey: number;
  readonly operationsPerSocket: number;
  readonly query: string;
}

const one = { keys: 1, socketsPerKey: 1, operationsPerSocket: 1 };
const ofOneKey = { keys: 1, socketsPerKey: 50, operationsPerSocket: 4 };
const ofAccount = { keys: KEYS, socketsPerKey: 20, operationsPerSocket: 10 };

const crowds: readonly Crowd[] = [
  { name: '1 of remaining', ...one, query: REMAINING },
  { name: '50 sockets × 4 of remaining, one key', ...ofOneKey, query: REMAINING },
  { name: '500 sockets × 10 of remaining, 25 keys', ...ofAccount, query: REMAINING },
  { name: '1 of remaining and stopsAt', ...one, query: STOPS },
  { name: '500 sockets × 10 of both, 25 keys', ...ofAccount, query: STOPS },
];

interface Target {
  readonly bench: BenchGateway;
  readonly gateway: GatewayProcess;
  readonly children: ChildProcess[];
  /** Of an account that nobody attacks. */
  readonly bystanderKey: string;
}

/** What a stretch of time took, a second; and how long each call of the other caller waited. */
interface Used {
  readonly cpuMs: number;
  readonly statements: number;
  readonly messages: number;
  readonly waitedMs: readonly number[];
  /** How many of its calls were refused, as the gateway was too busy. */
  readonly refused: number;
}

/** Prints what each crowd takes, beside a plain server that sends the same bytes to as many. */
export async function measureSockets(target: Target): Promise<void> {
  const account = await makeBurning(target.bench);
  const top = topUps(target.bench, account.id);
  note('no subscriber');
  const none = await during(target, { pid: target.gateway.pid, load: null, top });
  const rows = [rowOf('nobody', none, none)];
  let payload = '';
  for (const crowd of crowds) {
    note(crowd.name);
    const { load, used, last } = await measureCrowd(target, crowd, { account, top });
    payload = crowd.query === REMAINING ? last.payload : payload;
    rows.push(rowOf(crowd.name, used, none));
    load.kill('SIGKILL');
    await pause(SETTLE_MS);
  }
  rows.push(await plainRow(target, { payload, top }));
  printTable(
    `subscribers of one burning account's balance: two changes a second, one by time and one by a call, for ${SECONDS} s`,
    [
      '',
      'processor ms/s',
      'messages/s',
      'µs a message',
      'statements/s',
      'p50 ms',
      'longest ms',
      'refused',
    ],
    rows,
  );
}

function rowOf(name: string, used: Used, none: Used): readonly (string | number)[] {
  const microseconds = ((used.cpuMs - none.cpuMs) * 1_000) / used.messages;
  return [
    name,
    used.cpuMs,
    used.messages,
    microseconds,
    used.statements,
    quantile(used.waitedMs, 0.5),
    quantile(used.waitedMs, 1),
    `${used.refused} of ${used.refused + used.waitedMs.length}`,
  ];
}

interface Burning {
  readonly id: string;
  readonly keys: readonly string[];
}

async function makeBurning({ app, actor }: BenchGateway): Promise<Burning> {
  const { accountId } = await app.creditAccounts.create(actor, { name: 'watched' });
  const id = encodeId('Account', accountId, accountId);
  await app.credits.allocate(actor, {
    accountId: id,
    amount: '1000',
    unit: 'CREDITS',
    source: 'TOP_UP',
    idempotencyKey: 'first',
  });
  const [guardrail] = await app.resources.registerAll(actor, id, [
    { kind: 'GUARDRAIL', externalId: 'guardrail', name: 'Guardrail' },
  ]);
  invariant(guardrail !== undefined, 'a resource is registered');
  await app.deployments.deploy(actor, { id: guardrail, hardware: 'a100' });
  const keys: string[] = [];
  for (let index = 0; index < KEYS; index += 1) {
    const name = `watcher ${index}`;
    const { secret } = await app.keys.create(actor, {
      accountId: id,
      name,
      scopes: ['READ_USAGE'],
    });
    keys.push(secret);
  }
  return { id, keys };
}

/** Changes the balance once a call. */
function topUps({ app, actor }: BenchGateway, accountId: string): () => Promise<unknown> {
  let made = 0;
  return () => {
    made += 1;
    return app.credits.allocate(actor, {
      accountId,
      amount: '1',
      unit: 'CREDITS',
      source: 'TOP_UP',
      idempotencyKey: `${made}`,
    });
  };
}

type TopUp = ReturnType<typeof topUps>;

async function measureCrowd(
  target: Target,
  crowd: Crowd,
  { account, top }: { readonly account: Burning; readonly top: TopUp },
): Promise<{ readonly load: ChildProcess; readonly used: Used; readonly last: Received }> {
  const { origin, pid } = target.gateway;
  const job = { ...crowd, origin, keys: account.keys.slice(0, crowd.keys) };
  const load = await subscribed(target, job);
  const used = await during(target, { pid, load, top });
  return { load, used, last: await report(load) };
}

/** The same bytes to as many as the largest crowd of `remaining`. */
async function plainRow(
  target: Target,
  { payload, top }: { readonly payload: string; readonly top: TopUp },
): Promise<readonly (string | number)[]> {
  note('a plain server');
  const server = forked(target, 'plain.ts');
  const { pid } = server;
  invariant(pid !== undefined, 'the plain server has a process');
  const listening = once(server, 'message') as Promise<[string]>;
  server.send({ payload } satisfies PlainJob);
  const [origin] = await listening;
  const keys = Array<string>(KEYS).fill('any');
  const load = await subscribed(target, { ...ofAccount, origin, keys, query: REMAINING });
  const used = await during(target, { pid, load, top });
  const none = { cpuMs: 0, statements: 0, messages: 0, waitedMs: [], refused: 0 };
  const [name, ...figures] = rowOf('a plain ws server, 500 sockets × 10', used, none);
  return [name ?? '', ...figures.slice(0, 3), '', '', '', ''];
}

function forked({ children }: Target, file: string): ChildProcess {
  const child = fork(new URL(file, import.meta.url), {
    serialization: 'advanced',
  });
  children.push(child);
  return child;
}

async function subscribed(target: Target, job: SocketsJob): Promise<ChildProcess> {
  const load = forked(target, 'sockets-load.ts');
  const answer = await ask(load, { subscribe: job });
  invariant(answer === 'subscribed', 'all subscribe', { answer });
  await pause(SETTLE_MS);
  return load;
}

async function ask(load: ChildProcess, question: SocketsAsk): Promise<SocketsAnswer> {
  const answered = once(load, 'message') as Promise<[SocketsAnswer]>;
  load.send(question);
  const [answer] = await answered;
  return answer;
}

async function report(load: ChildProcess): Promise<Received> {
  const answer = await ask(load, 'report');
  invariant(typeof answer === 'object' && 'messages' in answer, 'a report', { answer });
  invariant(answer.closed === 0, 'no socket was closed', { closed: answer.closed });
  return answer;
}

/** Tops the account up once a second, while another caller asks. @param pid of the process whose time counts */
async function during(
  target: Target,
  {
    pid,
    load,
    top,
  }: { readonly pid: number; readonly load: ChildProcess | null; readonly top: TopUp },
): Promise<Used> {
  const soFar = async (): Promise<readonly [number, number, number]> => [
    await processorMs(pid),
    await statementsOf(target.bench),
    load === null ? 0 : (await report(load)).messages,
  ];
  const bystander = new Bystander(target.gateway.origin, target.bystanderKey);
  const before = await soFar();
  const beganMs = performance.now();
  for (let second = 1; second <= SECONDS; second += 1) {
    await top();
    await pause(Math.max(0, beganMs + second * 1_000 - performance.now()));
  }
  const after = await soFar();
  const seconds = (performance.now() - beganMs) / 1_000;
  const [cpuMs = 0, statements = 0, messages = 0] = after.map(
    (value, index) => (value - (before[index] ?? 0)) / seconds,
  );
  return { cpuMs, statements, messages, ...(await bystander.stop()) };
}

async function statementsOf({ owner }: BenchGateway): Promise<number> {
  const { rows } = await owner.query<{ calls: string }>(
    `select coalesce(sum(calls), 0) as calls from pg_stat_statements
     where userid = 'billing_gateway'::regrole`,
  );
  return Number(rows[0]?.calls);
}

/** Another caller, who asks by HTTP until told to stop. */
class Bystander {
  private readonly waitedMs: number[] = [];
  private refused = 0;
  private isStopped = false;
  private readonly asking: Promise<void>;

  constructor(
    private readonly origin: string,
    private readonly key: string,
  ) {
    this.asking = this.ask();
  }

  async stop(): Promise<Pick<Used, 'waitedMs' | 'refused'>> {
    this.isStopped = true;
    await this.asking;
    return { waitedMs: this.waitedMs, refused: this.refused };
  }

  private async ask(): Promise<void> {
    const headers = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' };
    const body = '{"query":"{ account { credits { remaining } } }"}';
    while (!this.isStopped) {
      const beganMs = performance.now();
      const answer = await request(`${this.origin}/graphql`, { method: 'POST', headers, body });
      await answer.body.text();
      if (answer.statusCode === 200) this.waitedMs.push(performance.now() - beganMs);
      else this.refused += 1;
      // As many calls in each row, so that their statements are as many too.
      await pause(Math.max(0, beganMs + BYSTANDER_EVERY_MS - performance.now()));
    }
  }
}
