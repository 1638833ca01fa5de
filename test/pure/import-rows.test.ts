import { describe, expect, it } from '@jest/globals';
import { UsageError } from '../../src/cli/command-line.ts';
import { RowRejection } from '../../src/cli/import/errors.ts';
import { hostingPeriodOf, registrationOf, usageEventOf } from '../../src/cli/import/rows.ts';
import { mappingOf, readSettings, type Settings } from '../../src/cli/import/settings.ts';
import type { HostingPeriodInput, UsageEventInput } from '@billing-gateway/client';
import type { Mapping } from '../../src/cli/import/rows.ts';

const usageFlags = [
  '--as',
  'usage',
  '--source',
  '=azure',
  '--event-id',
  '=llm-{#}',
  '--at',
  'when',
];
const processing = [
  ...[...usageFlags, '--type', '=PROCESSING', '--kind', '=MODEL_DEPLOYMENT'],
  ...['--resource', '=llm', '--quantity', 'tokens'],
];
const hosting = [
  ...['--as', 'hosting', '--source', '=philly', '--event-id', 'job', '--kind', '=MODEL_DEPLOYMENT'],
  ...['--resource', '=job-{job}', '--model', 'model', '--hardware', '=gpu-1'],
  ...['--replicas', 'gpus', '--from', 'start', '--duration', 'length', '--time-unit', 'ms'],
  ...['--base', '2026-03-01T00:00:00Z'],
];

function settings(...flags: string[]): Settings {
  const read = readSettings(['trace.csv', '--key', 'k', '--zone', 'UTC', ...flags], {});
  if (read === null) throw new Error('help was asked for');
  return read;
}

function mapping(columns: string[], ...flags: string[]): Mapping {
  return mappingOf(settings(...flags), columns);
}

/** The event of one row {column: cell}, in line 2. */
function usage(cells: Record<string, string>, ...flags: string[]): UsageEventInput {
  const row = { line: 2, cells: Object.values(cells) };
  return usageEventOf(row, mapping(Object.keys(cells), ...flags));
}

function period(cells: Record<string, string>, ...flags: string[]): HostingPeriodInput {
  const row = { line: 2, cells: Object.values(cells) };
  return hostingPeriodOf(row, mapping(Object.keys(cells), ...flags));
}

describe('a usage row', () => {
  it('becomes a PROCESSING event priced by the unit, half up to the micro-credit', () => {
    const cells = { when: '2023-11-16 18:17:03.9799600', tokens: '4818' };

    expect(usage(cells, ...processing, '--credits-per-unit', '0.00000025')).toEqual({
      source: 'azure',
      eventId: 'llm-2',
      type: 'PROCESSING',
      occurredAt: '2023-11-16T18:17:03.979Z',
      resourceKind: 'MODEL_DEPLOYMENT',
      resourceExternalId: 'llm',
      quantity: 4818,
      // 4,818 x 0.00000025 = 0.0012045
      credits: '0.001205',
    });
  });

  it('has the unit of its cell, or none where the cell is empty', () => {
    const flags = [...processing, '--credits-per-unit', '1', '--unit', 'of'];

    expect(usage({ when: '2026-03-01', tokens: '1', of: 'tokens' }, ...flags).unit).toBe('tokens');
    expect(usage({ when: '2026-03-01', tokens: '1', of: '' }, ...flags).unit).toBeUndefined();
  });

  it('becomes a WORKFLOW_RUN of a workflow, which has no credits', () => {
    const flags = [...usageFlags, '--type', '=WORKFLOW_RUN', '--resource', '=summaries'];

    expect(usage({ when: '2026-03-01T10:00:00+02:00' }, ...flags)).toEqual({
      source: 'azure',
      eventId: 'llm-2',
      type: 'WORKFLOW_RUN',
      occurredAt: '2026-03-01T08:00:00.000Z',
      resourceKind: 'WORKFLOW',
      resourceExternalId: 'summaries',
      quantity: undefined,
      credits: undefined,
    });
  });

  it.each(['FINE_TUNING', 'STORAGE'])('of type %s names a model', (type) => {
    const flags = [...usageFlags, '--type', `=${type}`, '--model', 'model', '--credits', 'cost'];
    const event = usage({ when: '2026-03-01', model: 'bert', cost: '14.20' }, ...flags);

    expect(event).toMatchObject({ type, modelExternalId: 'bert', credits: '14.2' });
    expect(event).not.toHaveProperty('resourceExternalId');
  });

  it.each([
    ['tokens', '-1', 'quantity is "-1"'],
    ['tokens', '1.5', 'quantity is "1.5"'],
    ['tokens', '9007199254740992', 'quantity is "9007199254740992"'],
    ['tokens', 'many', 'quantity is "many"'],
    ['cost', '0.0000001', 'credits: "0.0000001" has 7 fraction digits'],
    ['cost', '-1', 'credits is -1'],
    ['cost', 'NaN', 'credits: "NaN" is not a decimal number'],
    ['cost', '9223372036854.775808', 'credits: "9223372036854.775808" is too large'],
    ['cost', '', 'credits is empty.'],
    ['cost', ' ', 'credits holds only blanks.'],
    ['cost', '0,5', 'say --decimal ","'],
    ['when', 'soon', 'at is "soon"'],
  ])('with %s = %p is rejected alone', (column, cell, reason) => {
    const cells = { when: '2026-03-01', tokens: '1', cost: '1', [column]: cell };

    expect(() => usage(cells, ...processing, '--credits', 'cost')).toThrow(RowRejection);
    expect(() => usage(cells, ...processing, '--credits', 'cost')).toThrow(reason);
  });

  it.each(['0.5', '1.234,5', ',5', '0,0000001', '9999999999999999'])(
    'with cost = %p is quoted as it stands where the file writes commas',
    (cost) => {
      const cells = { when: '2026-03-01', tokens: '1', cost };

      expect(() => usage(cells, ...processing, '--credits', 'cost', '--decimal', ',')).toThrow(
        `credits is "${cost}"; it must be a number like "212,16"`,
      );
    },
  );

  it('takes the largest values that the API holds', () => {
    const cells = { when: '2026-03-01', tokens: '9007199254740991', cost: '9223372036854.775807' };

    expect(usage(cells, ...processing, '--credits', 'cost')).toMatchObject({
      quantity: 9007199254740991,
      credits: '9223372036854.775807',
    });
  });

  it('is rejected when its units cost more than 64 bits hold', () => {
    const cells = { when: '2026-03-01', tokens: '9007199254740991' };

    expect(() => usage(cells, ...processing, '--credits-per-unit', '1025')).toThrow(
      'cost more than',
    );
  });
});

describe('a hosting row', () => {
  const job = { job: '3', gpus: '16', start: '27069000', length: '1000', model: 'a2c' };

  it('becomes a period from the base on', () => {
    // 27,069 s = 7 h 31 min 9 s
    expect(period(job, ...hosting)).toEqual({
      source: 'philly',
      eventId: '3',
      resourceKind: 'MODEL_DEPLOYMENT',
      resourceExternalId: 'job-3',
      hardware: 'gpu-1',
      replicas: 16,
      from: '2026-03-01T07:31:09.000Z',
      to: '2026-03-01T07:31:10.000Z',
    });
  });

  it.each([
    [{ gpus: '0' }, 'replicas is 0'],
    [{ gpus: '2147483648' }, 'replicas is 2147483648'],
    [{ length: '0' }, 'has no length'],
    [{ length: '-5' }, 'has no length'],
    [{ length: '' }, 'duration is empty'],
    [{ job: '' }, 'eventId is empty'],
  ])('with %p is rejected alone', (change, reason) => {
    expect(() => period({ ...job, ...change }, ...hosting)).toThrow(RowRejection);
    expect(() => period({ ...job, ...change }, ...hosting)).toThrow(reason);
  });

  it('registers its deployment with its model', () => {
    const row = { line: 2, cells: Object.values(job) };

    expect(registrationOf(row, mapping(Object.keys(job), ...hosting))).toEqual({
      key: 'MODEL_DEPLOYMENT job-3',
      isModel: false,
      input: {
        kind: 'MODEL_DEPLOYMENT',
        externalId: 'job-3',
        name: 'job-3',
        owner: undefined,
        modelExternalId: 'a2c',
        modelType: 'BASE',
      },
    });
  });
});

describe('the command line', () => {
  const columns = ['when', 'tokens'];

  it.each([
    [['--as', 'nothing'], 'Allowed choices are usage, hosting'],
    [[], '--as usage or --as hosting is needed.'],
    [[...processing, '--credits', 'a', '--credits-per-unit', '1'], 'not both'],
    [processing, 'PROCESSING needs --credits or --credits-per-unit.'],
    [[...usageFlags, '--type', '=STORAGE', '--credits', 'a'], '--model is needed.'],
    [[...usageFlags, '--type', '=WORKFLOW_RUN'], '--resource is needed.'],
    [[...hosting, '--to', 'end'], 'Give --to or --duration'],
    [[...hosting, '--credits', 'a'], '--credits has no meaning with --as hosting.'],
    [[...hosting, '--batch', '5001'], '--batch is 5001; it must be from 1 to 5000.'],
    [[...hosting, '--batch', '0'], '--batch is 0'],
    [[...hosting, '--base', 'soon'], '--base is soon'],
    [[...hosting, '--shift-days', '1.5'], '--shift-days is 1.5'],
    [[...hosting, '--time-unit', 'iso'], '--duration needs --duration-unit'],
    [[...hosting, '--url', 'nowhere'], '--url nowhere is not a URL'],
    [[...hosting, '--nope'], "unknown option '--nope'"],
  ])('refuses %j', (flags, reason) => {
    expect(() => settings(...flags)).toThrow(UsageError);
    expect(() => settings(...flags)).toThrow(reason);
  });

  it('refuses a constant that no row could have', () => {
    const flags = [...usageFlags, '--type', '=PROCESING', '--resource', '=x'];

    expect(() => mapping(columns, ...flags, '--credits', '=1')).toThrow('--type is =PROCESING');
  });

  it('needs a key, but not to try the flags out', () => {
    expect(() => readSettings(['f.csv', ...hosting], {})).toThrow('A key is needed');
    expect(readSettings(['f.csv', ...hosting], { GATEWAY_KEY: 'k' })?.key).toBe('k');
    expect(readSettings(['f.csv', ...hosting, '--dry-run'], {})?.dryRun).toBe(true);
  });
});
