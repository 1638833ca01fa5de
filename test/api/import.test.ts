// The command as a user runs it: a process of its own, against a server over HTTP that checks every call against the
// emitted schema, as the gateway does.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createGateway } from '@billing-gateway/client';
import { buildSchema, graphql, type GraphQLSchema } from 'graphql';
import { UsageError } from '../../src/cli/command-line.ts';
import { ImportStopped } from '../../src/cli/import/errors.ts';
import { importFile } from '../../src/cli/import/run.ts';
import { readSettings } from '../../src/cli/import/settings.ts';
import { createAccount, createKey } from '../support/account.ts';
import { type Ran, startCommand } from '../support/command.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';

interface Result {
  readonly index: number;
  readonly outcome: string;
  readonly code?: string;
  readonly message?: string;
}
interface Answer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly results: readonly Result[];
}
type Input = Readonly<Record<string, unknown>>;

/** Judges as the gateway does: an identity seen before is DUPLICATE, or CONFLICT with another content. */
class FakeGateway {
  readonly resources: Input[][] = [];
  readonly models: Input[] = [];
  readonly events: Input[][] = [];
  readonly accountIds: unknown[] = [];
  readonly keys: (string | undefined)[] = [];
  /** Statuses to answer with before any call is heard. */
  failures: number[] = [];
  url = '';
  private readonly recorded = new Map<string, string>();
  private server: Server | null = null;

  constructor(private readonly schema: GraphQLSchema) {}

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.keys.push(request.headers.authorization);
        const failure = this.failures.shift();
        if (failure !== undefined) {
          response.writeHead(failure).end();
          return;
        }
        void this.answer(Buffer.concat(chunks).toString()).then((body) => {
          response.writeHead(200, { 'content-type': 'application/json' }).end(body);
        });
      });
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.url = `http://127.0.0.1:${address.port}/graphql`;
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  private async answer(body: string): Promise<string> {
    const { query, variables } = JSON.parse(body) as { query: string; variables: Input };
    const rootValue = {
      account: ({ id, externalId }: Input) =>
        externalId === 'acme' || externalId === undefined || id === 'acme-id'
          ? {
              id: 'acme-id',
              name: 'Acme',
              timeZone: 'America/Los_Angeles',
              notificationEmails: [],
              createdAt: '2026-01-01T00:00:00Z',
              creditsFrom: '2026-01-01T00:00:00Z',
            }
          : null,
      registerResources: ({ resources }: { resources: Input[] }) => {
        this.resources.push(resources);
        return resources.map((_, index) => `id-${index}`);
      },
      registerModel: ({ input }: { input: Input }) => {
        this.models.push(input);
        return { ...input, id: 'model-id', createdAt: '2026-01-01T00:00:00Z' };
      },
      recordUsage: (call: { accountId?: string; events: Input[] }) =>
        this.record(call.accountId, call.events),
      recordHosting: (call: { accountId?: string; periods: Input[] }) =>
        this.record(call.accountId, call.periods),
    };
    return JSON.stringify(
      await graphql({ schema: this.schema, source: query, variableValues: variables, rootValue }),
    );
  }

  private record(accountId: unknown, events: readonly Input[]): Answer {
    this.accountIds.push(accountId);
    this.events.push([...events]);
    const results = events.flatMap((event, index): Result[] => {
      const content = JSON.stringify(event);
      const identity = `${String(event['source'])} ${String(event['eventId'])}`;
      const before = this.recorded.get(identity);
      if (before === content) return [{ index, outcome: 'DUPLICATE' }];
      if (before !== undefined) {
        return [{ index, outcome: 'CONFLICT', code: 'CONFLICT', message: `${identity} differs.` }];
      }
      if (event['resourceExternalId'] === 'ghost') {
        const message = 'No resource "ghost", or none here.';
        return [{ index, outcome: 'REJECTED', code: 'NOT_FOUND', message }];
      }
      this.recorded.set(identity, content);
      return [];
    });
    const count = (outcome: string): number =>
      results.filter((result) => result.outcome === outcome).length;
    return {
      accepted: events.length - results.length,
      duplicates: count('DUPLICATE'),
      conflicts: count('CONFLICT'),
      rejected: count('REJECTED'),
      results,
    };
  }
}

function runImport(...args: string[]): Promise<Ran> {
  return startCommand('import', args).ended;
}

/** The figures of the summary by their names. */
function figures(run: Ran): Record<string, number> {
  const lines = [...run.stdout.matchAll(/^([a-z ]+?) +(\d+)$/gm)];
  return Object.fromEntries(lines.map(([, name = '', count]) => [name, Number(count)]));
}

describe('npm run import', () => {
  let schema: GraphQLSchema;
  let gateway: FakeGateway;
  let folder: string;

  beforeAll(async () => {
    schema = buildSchema(await readFile('schema/schema.graphql', 'utf8'));
  });

  beforeEach(async () => {
    gateway = new FakeGateway(schema);
    await gateway.start();
    folder = await mkdtemp(join(tmpdir(), 'import-'));
  });

  afterEach(async () => {
    await gateway.stop();
    await rm(folder, { recursive: true });
  });

  async function aFile(...lines: string[]): Promise<string> {
    const file = join(folder, 'trace.csv');
    await writeFile(file, lines.join('\r\n'));
    return file;
  }

  function importRuns(file: string, ...flags: string[]): Promise<Ran> {
    const mapping = ['--as', 'usage', '--source', '=engine', '--event-id', 'id'];
    const run = [
      '--type',
      '=WORKFLOW_RUN',
      '--resource',
      'flow',
      '--at',
      'at',
      '--quantity',
      'runs',
    ];
    return runImport(file, '--url', gateway.url, '--key', 'k1', ...mapping, ...run, ...flags);
  }

  /** The same without a process of its own, which takes a second to start. */
  async function importHere(file: string, ...flags: string[]): Promise<Ran> {
    return importBy(1, file, ...flags);
  }

  async function importBy(attempts: number, file: string, ...flags: string[]): Promise<Ran> {
    const mapping = ['--as', 'usage', '--source', '=engine', '--event-id', 'id', '--at', 'at'];
    const run = ['--type', '=WORKFLOW_RUN', '--resource', 'flow', '--quantity', 'runs'];
    const settings = readSettings([file, '--key', 'k1', ...mapping, ...run, ...flags], {});
    if (settings === null) throw new Error('help was asked for');
    const client = createGateway({ url: gateway.url, key: 'k1', attempts });
    try {
      const { rejected, conflicts } = await importFile(settings, client, () => undefined);
      return { status: rejected + conflicts === 0 ? 0 : 1, stdout: '', stderr: '' };
    } catch (error) {
      if (error instanceof UsageError) return { status: 2, stdout: '', stderr: error.message };
      throw error;
    }
  }

  it('sends rows in batches, registers each resource once, and changes nothing the second time', async () => {
    const file = await aFile(
      'id,flow,at,runs',
      'e1,summaries,2026-03-01T10:00:00Z,1',
      'e2,summaries,2026-03-01T10:00:01Z,2',
      'e3,"say ""hi"", twice",2026-03-01T10:00:02Z,3',
    );

    const first = await importRuns(
      file,
      '--register',
      '--batch',
      '2',
      '--account-external-id',
      'acme',
    );
    const second = await importRuns(file, '--account-id', 'acme-id');

    expect(first).toMatchObject({ status: 0 });
    expect(figures(first)).toEqual(counts({ read: 3, accepted: 3 }));
    expect(figures(second)).toEqual(counts({ read: 3, doubled: 3 }));
    expect(second.status).toBe(0);
    expect(gateway.events.map((batch) => batch.length)).toEqual([2, 1, 3]);
    expect(gateway.accountIds).toEqual(['acme-id', 'acme-id', 'acme-id']);
    expect(new Set(gateway.keys)).toEqual(new Set(['Bearer k1']));
    expect(gateway.resources).toMatchObject([
      [{ kind: 'WORKFLOW', externalId: 'summaries', name: 'summaries' }],
      [{ kind: 'WORKFLOW', externalId: 'say "hi", twice' }],
    ]);
  });

  it('writes what was not recorded beside the file, with line, code and reason', async () => {
    const file = await aFile(
      'id,flow,at,runs',
      'e1,summaries,2026-03-01T10:00:00Z,1',
      'e1,summaries,2026-03-01T10:00:00Z,2',
      'e3,summaries,2026-03-01T10:00:00Z,minus one',
      'e4,ghost,2026-03-01T10:00:00Z,1',
      'e5,"two\nlines",2026-03-01T10:00:00Z,1.5',
      'e6,summaries',
      'e7,summaries,2026-03-01T10:00:00Z,0',
    );

    const run = await importRuns(file, '--where', 'runs!=0');

    expect(run.status).toBe(1);
    expect(figures(run)).toEqual({
      ...counts({ read: 7, accepted: 1 }),
      'in conflict': 1,
      rejected: 4,
      'left out': 1,
    });
    expect((await readFile(`${file}.rejected.csv`, 'utf8')).split('\n')).toEqual([
      'id,flow,at,runs,rejected_line,rejected_code,rejected_reason',
      'e3,summaries,2026-03-01T10:00:00Z,minus one,4,BAD_USER_INPUT,"quantity is ""minus one""; it must be a whole number from 0 to 2^53 - 1."',
      'e5,"two',
      'lines",2026-03-01T10:00:00Z,1.5,7,BAD_USER_INPUT,"quantity is ""1.5""; it must be a whole number from 0 to 2^53 - 1."',
      'e6,summaries,,,8,BAD_USER_INPUT,The row has 2 cells; the header has 4.',
      'e1,summaries,2026-03-01T10:00:00Z,2,3,CONFLICT,engine e1 differs.',
      'e4,ghost,2026-03-01T10:00:00Z,1,5,NOT_FOUND,"No resource ""ghost"", or none here."',
      '',
    ]);
  });

  it('takes away the rejected rows of an earlier run once all are recorded', async () => {
    const file = await aFile('id,flow,at,runs', 'e1,summaries,2026-03-01T10:00:00Z,1');
    await writeFile(`${file}.rejected.csv`, 'of an earlier run');

    const run = await importRuns(file);

    expect(run.status).toBe(0);
    await expect(readFile(`${file}.rejected.csv`, 'utf8')).rejects.toThrow('ENOENT');
  });

  it('sends nothing in a dry run and shows the first event', async () => {
    const file = await aFile('id,flow,at,runs', 'e1,summaries,2026-03-01,1', 'e2,x,never,1');

    const run = await importRuns(file, '--dry-run', '--register', '--zone', 'Asia/Kolkata');

    expect(run.status).toBe(1);
    expect(figures(run)).toEqual({ read: 2, 'to be sent': 1, rejected: 1, 'left out': 0 });
    expect(run.stdout).toContain('"occurredAt":"2026-02-28T18:30:00.000Z"');
    expect(gateway.keys).toEqual([]);
  });

  const table = ['id,flow,at,runs', ...runsOf('Müller', 'Möller')].join('\n');

  function runsOf(...names: string[]): string[] {
    return names.map((name) => `run-${name},${name},2026-03-14T10:00:00Z,5`);
  }

  function eventIds(): unknown[] {
    return gateway.events.flat().map((event) => event['eventId']);
  }

  async function aFileOf(bytes: Buffer): Promise<string> {
    const file = join(folder, 'trace.csv');
    await writeFile(file, bytes);
    return file;
  }

  it.each([
    ['utf-8', Buffer.from(table)],
    ['utf-8', Buffer.from(`\ufeff${table}`)],
    ['windows-1252', Buffer.from(table, 'latin1')],
    ['latin1', Buffer.from(table, 'latin1')],
    ['utf-16le', Buffer.from(`\ufeff${table}`, 'utf16le')],
    ['utf-16le', Buffer.from(table, 'utf16le')],
    ['utf-16be', Buffer.from(`\ufeff${table}`, 'utf16le').swap16()],
  ])('reads a file in %s, and tells its ids apart', async (encoding, bytes) => {
    const run = await importHere(await aFileOf(bytes), '--encoding', encoding);

    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(eventIds()).toEqual(['run-Müller', 'run-Möller']);
  });

  it.each([
    ['utf-8', Buffer.from(table, 'latin1'), 'Line 2 of', '--encoding: windows-1252'],
    [
      'utf-8',
      Buffer.from(`\ufeff${table}`, 'utf16le'),
      'the mark of utf-16le',
      '--encoding utf-16le',
    ],
    ['utf-8', Buffer.from(table, 'utf16le'), 'looks like utf-16le', '--encoding utf-16le'],
    ['utf-8', Buffer.from(table, 'utf16le').swap16(), 'looks like utf-16be', '--encoding utf-16be'],
    ['windows-1252', Buffer.from(`\ufeff${table}`), 'the mark of utf-8', '--encoding utf-8'],
    [
      'windows-1252',
      Buffer.concat([Buffer.from(table), Buffer.of(0x81)]),
      'not windows-1252',
      'utf-8',
    ],
    ['utf-16le', Buffer.from(`${table}x`, 'utf16le').subarray(0, -1), 'not utf-16le', 'utf-8'],
  ])(
    'refuses a file that is not in %s, before anything is sent',
    async (encoding, bytes, ...told) => {
      const run = await importHere(await aFileOf(bytes), '--encoding', encoding);

      expect(run.status).toBe(2);
      for (const part of told) expect(run.stderr).toContain(part);
      expect(gateway.keys).toEqual([]);
    },
  );

  it('finds the line that is not UTF-8 however far it is', async () => {
    const many = Array.from(
      { length: 20_000 },
      (_, index) => `run-ü${index},x,2026-03-14T10:00:00Z,5`,
    );
    const bytes = [Buffer.from(['id,flow,at,runs', ...many, ''].join('\n')), Buffer.of(0xfc)];

    const run = await importHere(await aFileOf(Buffer.concat(bytes)));

    expect(run.status).toBe(2);
    expect(run.stderr).toContain('Line 20002 of');
  });

  it('reads a date without a time as a day of the account, or of --zone', async () => {
    const file = await aFile('id,flow,at,runs', '1,f,2026-03-14T10:00:00Z,1', '2,f,2026-03-14,1');

    const inAccount = await importRuns(file);
    const inZone = await importRuns(file, '--zone', 'Asia/Kolkata', '--event-id', '=zone-{id}');

    expect([inAccount.status, inZone.status]).toEqual([0, 0]);
    expect(gateway.events.flat().map((event) => event['occurredAt'])).toEqual([
      '2026-03-14T10:00:00.000Z',
      '2026-03-14T07:00:00.000Z',
      '2026-03-14T10:00:00.000Z',
      '2026-03-13T18:30:00.000Z',
    ]);
    expect(gateway.keys).toHaveLength(3);
  });

  it('asks for --zone where a dry run needs it', async () => {
    const file = await aFile('id,flow,at,runs', '1,f,2026-03-14,1');

    const dry = await importRuns(file, '--dry-run');

    expect(dry.status).toBe(2);
    expect(dry.stderr).toContain(
      'Line 2: at is "2026-03-14", a date without a time. Say its --zone',
    );
    expect(gateway.keys).toEqual([]);
  });

  it('reads other delimiters and decimal commas when told, and writes rejected rows alike', async () => {
    const file = await aFile('id;pod;at;cost', '1;p;2026-03-14T10:00:00Z;0,5', '2;p;x,y;1.5');
    const flags = [
      ...[
        file,
        '--url',
        gateway.url,
        '--key',
        'k1',
        '--as',
        'usage',
        '--source',
        '=s',
        '--event-id',
        'id',
      ],
      ...['--type', '=PROCESSING', '--kind', '=BROWSER_POD', '--resource', 'pod', '--at', 'at'],
      ...['--credits', 'cost'],
    ];

    const unsaid = await runImport(...flags);
    const said = await runImport(...flags, '--delimiter', ';', '--decimal', ',');

    expect(unsaid.status).toBe(2);
    expect(unsaid.stderr).toContain("say --delimiter ';'");
    expect(figures(said)).toEqual({ ...counts({ read: 2, accepted: 1 }), rejected: 1 });
    expect(gateway.events).toMatchObject([[{ eventId: '1', credits: '0.5' }]]);
    expect((await readFile(`${file}.rejected.csv`, 'utf8')).split('\n')[1]).toMatch(
      /^2;p;x,y;1\.5;3;/,
    );
  });

  it('reads each row of a file whose lines end in different ways', async () => {
    const row = (id: number): string => `${id},f,2026-03-01T00:00:00Z,1`;
    const text = `id,flow,at,runs\r\n${row(1)}\n${row(2)}\n${row(3)}\r\n\r\n${row(4)}\r${row(5)}`;
    const file = await aFileOf(Buffer.from(text));

    const run = await importHere(file);

    expect(run.status).toBe(0);
    expect(gateway.events).toMatchObject([
      ['1', '2', '3', '4', '5'].map((eventId) => ({ eventId })),
    ]);
  });

  it('marks the rejected rows of a file in another encoding as UTF-8', async () => {
    const file = await aFileOf(Buffer.from(`${table}\nrun-ä,ä,never,5`, 'latin1'));

    const run = await importRuns(file, '--encoding', 'windows-1252');
    const again = await importHere(`${file}.rejected.csv`, '--encoding', 'windows-1252');

    expect(figures(run)).toMatchObject({ accepted: 2, rejected: 1 });
    expect(await readFile(`${file}.rejected.csv`, 'utf8')).toContain('\nrun-ä,ä,never,5,4,');
    expect(again.stderr).toContain('the mark of utf-8');
  });

  it('imports hosting, and fine-tuning with its models', async () => {
    const jobs = await aFile('job,gpus,start,length,model', '7,2,1000,3600000,bert');
    const mapping = ['--source', '=philly', '--model', 'model', '--register', '--time-unit', 'ms'];
    const connection = ['--url', gateway.url, '--key', 'k1', '--base', '2026-03-01T00:00:00Z'];
    const flags = [jobs, ...connection, ...mapping];
    const hosting = ['--kind', '=MODEL_DEPLOYMENT', '--resource', 'job', '--hardware', '=gpu-1'];
    const period = ['--from', 'start', '--duration', 'length', '--replicas', 'gpus'];

    const asHosting = await runImport(
      ...[...flags, '--as', 'hosting', '--event-id', '=job-{job}', ...hosting, ...period],
    );
    const asUsage = await runImport(
      ...[...flags, '--as', 'usage', '--event-id', '=tune-{job}', '--at', 'start'],
      ...['--type', '=FINE_TUNING', '--credits', '=14.2'],
    );

    expect(asHosting).toMatchObject({ status: 0, stderr: '' });
    expect(asUsage).toMatchObject({ status: 0, stderr: '' });
    expect(gateway.resources).toMatchObject([
      [{ kind: 'MODEL_DEPLOYMENT', externalId: '7', modelExternalId: 'bert', modelType: 'BASE' }],
    ]);
    expect(gateway.models).toMatchObject([{ externalId: 'bert', name: 'bert', type: 'BASE' }]);
    expect(gateway.events).toMatchObject([
      [
        {
          resourceExternalId: '7',
          hardware: 'gpu-1',
          replicas: 2,
          from: '2026-03-01T00:00:01.000Z',
          to: '2026-03-01T01:00:01.000Z',
        },
      ],
      [{ type: 'FINE_TUNING', modelExternalId: 'bert', credits: '14.2', eventId: 'tune-7' }],
    ]);
  });

  it('tries again when the gateway is away for a moment', async () => {
    const file = await aFile('id,flow,at,runs', 'e1,summaries,2026-03-01T10:00:00Z,1');
    gateway.failures = [503, 502];

    const run = await importRuns(file);

    expect(figures(run)).toEqual(counts({ read: 1, accepted: 1 }));
    expect(gateway.keys).toHaveLength(3);
  });

  it('ends with a sentence when the gateway refuses a call', async () => {
    const file = await aFile('id,flow,at,runs', 'e1,summaries,2026-03-01T10:00:00Z,1');

    const run = await importRuns(file, '--account-external-id', 'nobody');

    expect(run.status).toBe(1);
    expect(run.stderr).toContain('no account with the external id "nobody"');
  });

  it('says that running again is safe when the gateway stays away', async () => {
    const file = await aFile('id,flow,at,runs', 'e1,summaries,2026-03-01T10:00:00Z,1');
    gateway.failures = [503, 503, 503];

    const unavailable = importBy(3, file);

    await expect(unavailable).rejects.toThrow('did not answer (Status 503');
    await expect(unavailable).rejects.toBeInstanceOf(ImportStopped);
    expect(gateway.keys).toHaveLength(3);
    await gateway.stop();
    await expect(importBy(1, file)).rejects.toThrow(/ECONNREFUSED.*run the same/);
  });

  it.each([
    ['a file that is not there', ['missing.csv'], 'missing.csv is not a file'],
    ['an unknown column', ['--event-id', 'nope'], 'no column "nope"'],
    ['an unknown flag', ['--nope'], "unknown option '--nope'"],
  ])('ends with status 2 for %s', async (_, flags, reason) => {
    const file = await aFile('id,flow,at,runs', 'e1,summaries,2026-03-01T10:00:00Z,1');
    const args = flags[0]?.startsWith('--') === true ? [file, ...flags] : flags;
    const [first = '', ...others] = args;

    const run = await importRuns(first, ...others);

    expect(run.status).toBe(2);
    expect(run.stderr).toContain(reason);
    expect(gateway.keys).toEqual([]);
  });

  it('asks for --rejected before it sends anything when rejected rows could not be kept', async () => {
    const file = await aFile('id,flow,at,runs', 'e1,summaries,2026-03-01T10:00:00Z,1');

    const refused = await importRuns(file, '--rejected', join(folder, 'none', 'rejected.csv'));
    await mkdir(join(folder, 'none'));
    const taken = await importRuns(file, '--rejected', join(folder, 'none', 'rejected.csv'));

    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('--rejected FILE');
    expect(taken.status).toBe(0);
  });

  function counts(some: Record<string, number>): Record<string, number> {
    return {
      ...{ read: 0, accepted: 0, doubled: 0, 'in conflict': 0, rejected: 0, 'left out': 0 },
      ...some,
    };
  }
});

describe('npm run import, into a gateway', () => {
  let gateway: TestGateway;
  let folder: string;

  beforeAll(async () => {
    gateway = await startTestGateway({ now: '2026-03-20T12:00:00.000Z' });
    folder = await mkdtemp(join(tmpdir(), 'import-'));
  });

  afterAll(async () => {
    await gateway.close();
    await rm(folder, { recursive: true });
  });

  async function anAccount(externalId: string): Promise<string> {
    return createAccount(gateway, {
      externalId,
      timeZone: 'America/Los_Angeles',
      createdAt: '2026-03-01T00:00:00Z',
    });
  }

  async function importing(bytes: Buffer, key: string, ...flags: string[]): Promise<Ran> {
    const file = join(folder, 'trace.csv');
    await writeFile(file, bytes);
    return runImport(
      ...[
        file,
        '--url',
        `${originOf(gateway)}/graphql`,
        '--key',
        key,
        '--as',
        'usage',
        '--source',
        '=s',
      ],
      ...[
        '--event-id',
        'id',
        '--type',
        '=PROCESSING',
        '--kind',
        '=GUARDRAIL',
        '--resource',
        'thing',
      ],
      ...['--at', 'at', '--credits', 'credits', '--register', ...flags],
    );
  }

  async function usedOn(accountId: string, day: string): Promise<string> {
    const { data } = await gateway.query<{ account: { usage: { credits: { used: string } } } }>(
      `query ($a: ID!, $day: LocalDate!) { account(id: $a) { usage(range: { fromDay: $day, toDay: $day }) { credits { used } } } }`,
      { a: accountId, day },
    );
    return data.account.usage.credits.used;
  }

  it('never makes two runs of other bytes into one', async () => {
    const accountId = await anAccount('latin');
    const at = '2026-03-14T20:00:00Z,5';
    const bytes = Buffer.from(
      `id,thing,at,credits\nrun-Müller,Müller,${at}\nrun-Möller,Möller,${at}\n`,
      'latin1',
    );

    const refused = await importing(bytes, gateway.operatorKey, '--account-id', accountId);
    const used = await usedOn(accountId, '2026-03-14');
    const taken = await importing(
      ...([bytes, gateway.operatorKey, '--account-id', accountId] as const),
      ...['--encoding', 'windows-1252'],
    );

    expect([refused.status, used]).toEqual([2, '0']);
    expect(taken).toMatchObject({ status: 0, stderr: '' });
    expect(await usedOn(accountId, '2026-03-14')).toBe('10');
  });

  it('puts a date without a time into that day of the account, or asks for the zone', async () => {
    const accountId = await anAccount('day');
    const bytes = Buffer.from('id,thing,at,credits\n1,g,2026-03-14,5\n');
    const { secret } = await createKey(gateway, accountId, ['INGEST']);

    const blind = await importing(bytes, secret);
    const taken = await importing(bytes, gateway.operatorKey, '--account-external-id', 'day');

    expect(blind.status).toBe(1);
    expect(blind.stderr).toContain('Say its --zone, like Europe/Berlin');
    expect(taken).toMatchObject({ status: 0, stderr: '' });
    expect([await usedOn(accountId, '2026-03-13'), await usedOn(accountId, '2026-03-14')]).toEqual([
      '0',
      '5',
    ]);
  });
});
