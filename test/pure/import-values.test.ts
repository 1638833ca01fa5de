import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  addDecimals,
  compareDecimals,
  floorTo,
  formatDecimal,
  multiplyDecimals,
  parseDecimal,
  roundHalfUp,
  type Decimal,
} from '../../src/cli/import/decimal.ts';
import { UsageError } from '../../src/cli/command-line.ts';
import { RowRejection, ZoneNeeded } from '../../src/cli/import/errors.ts';
import { endMs, instantMs, parseIsoMs } from '../../src/cli/import/instant.ts';
import { parseCondition, parseValue, type Row } from '../../src/cli/import/value.ts';

const columns = ['job_id', 'in', 'out', 'a+b'];

function aRow(...cells: string[]): Row {
  return { line: 7, cells };
}

function decimal(text: string): Decimal {
  const value = parseDecimal(text);
  if (value === null) throw new Error(`${text} is no decimal`);
  return value;
}

describe('decimals of a file', () => {
  it('are read exactly, whatever their length', () => {
    expect(parseDecimal('0.00000025')).toEqual({ units: 25n, scale: 8 });
    expect(parseDecimal(' -1.50 ')).toEqual({ units: -150n, scale: 2 });
    expect(parseDecimal('+3')).toEqual({ units: 3n, scale: 0 });
  });

  it.each(['', 'abc', '1e-5', 'NaN', '.5', '5.', '1,5', '0x10', '--1', '1'.repeat(41)])(
    'do not include %p',
    (text) => {
      expect(parseDecimal(text)).toBeNull();
    },
  );

  it('have a comma before their fraction where that is said, and no point then', () => {
    expect(parseDecimal('-1,50', ',')).toEqual({ units: -150n, scale: 2 });
    expect(parseDecimal('12', ',')).toEqual({ units: 12n, scale: 0 });
    for (const text of ['1.5', '1.234,5', '1,234,5']) expect(parseDecimal(text, ',')).toBeNull();
    expect(parseValue('in+out', columns, ',').of(aRow('j1', '1,5', '0,25', ''))).toBe('1,75');
    expect(parseCondition('in>0,5', columns, ',')(aRow('j1', '0,6', '', ''))).toBe(true);
    expect(() => parseValue('in+out', columns).of(aRow('j1', '1,5', '1', ''))).toThrow(
      'say --decimal ","',
    );
  });

  it('round half up, and floor towards minus infinity', () => {
    // 4,818 tokens x 0.00000025 = 0.0012045 credits: exactly half a micro-credit, so it goes up.
    const cost = multiplyDecimals(decimal('4818'), decimal('0.00000025'));

    expect(formatDecimal(cost)).toBe('0.0012045');
    expect(roundHalfUp(cost, 6)).toBe(1205n);
    expect(floorTo(cost, 6)).toBe(1204n);
    expect(roundHalfUp(decimal('0.0012044999'), 6)).toBe(1204n);
    expect(roundHalfUp(decimal('-0.5'), 0)).toBe(0n);
    expect(floorTo(decimal('-0.5'), 0)).toBe(-1n);
  });

  it('compare by value, not by digits', () => {
    expect(compareDecimals(decimal('1.0'), decimal('1'))).toBe(0);
    expect(compareDecimals(decimal('9'), decimal('10'))).toBe(-1);
    expect(compareDecimals(decimal('-0.1'), decimal('-0.2'))).toBe(1);
  });

  it('add and multiply like integers of a common unit', () => {
    const thousandths = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    fc.assert(
      fc.property(thousandths, thousandths, (a, b) => {
        const [left, right] = [
          { units: a, scale: 3 },
          { units: b, scale: 3 },
        ];

        expect(floorTo(addDecimals(left, right), 3)).toBe(a + b);
        expect(floorTo(multiplyDecimals(left, right), 6)).toBe(a * b);
        expect(compareDecimals(decimal(formatDecimal(left)), left)).toBe(0);
      }),
    );
  });
});

describe('the value of a flag', () => {
  it('is the cell of a column', () => {
    expect(parseValue('in', columns).of(aRow('j1', '5', '2', 'x'))).toBe('5');
  });

  it('is the exact sum of columns', () => {
    const sum = parseValue('in+out', columns);

    expect(sum.of(aRow('j1', '9007199254740993', '0.1', ''))).toBe('9007199254740993.1');
    expect(sum.constant).toBeNull();
  });

  it('is a column whose name has a plus, where there is one', () => {
    expect(parseValue('a+b', columns).of(aRow('j1', '1', '2', 'x'))).toBe('x');
  });

  it('is a constant after "="', () => {
    const value = parseValue('=gpu-1', columns);

    expect(value.constant).toBe('gpu-1');
    expect(value.of(aRow())).toBe('gpu-1');
  });

  it('fills {column} and {#} of a text', () => {
    const value = parseValue('=job-{job_id}@{#}', columns);

    expect(value.of(aRow('j1'))).toBe('job-j1@7');
    expect(value.constant).toBeNull();
  });

  it.each(['nope', '=x-{nope}', 'in+nope'])('refuses %p, which names no column', (text) => {
    expect(() => parseValue(text, columns)).toThrow(UsageError);
    expect(() => parseValue(text, columns)).toThrow('no column "nope"');
  });

  it('rejects a row whose addend is no number', () => {
    expect(() => parseValue('in+out', columns).of(aRow('j1', '5', 'many', ''))).toThrow(
      new RowRejection('out is "many", which is not a number.'),
    );
  });
});

describe('--where', () => {
  it.each([
    ['in>0', '1', true],
    ['in>0', '0', false],
    ['in>0', '0.0', false],
    ['in >= 10', '9', false],
    ['in>=10', '10.0', true],
    ['in<10', '9', true],
    ['in<=9.5', '9.51', false],
    ['in=1', '1.00', true],
    ['in!=1', '1.00', false],
    ['in=done', 'done', true],
    ['in!=done', 'failed', true],
    ['in=', '', true],
    ['in!=', '', false],
  ])('%p holds for %p: %p', (condition, cell, holds) => {
    expect(parseCondition(condition, columns)(aRow('j1', cell))).toBe(holds);
  });

  it.each(['in', '>3', 'in>few', 'nope>1'])('refuses %p', (condition) => {
    expect(() => parseCondition(condition, columns)).toThrow(UsageError);
  });

  it('rejects a row whose cell cannot be compared', () => {
    expect(() => parseCondition('in>0', columns)(aRow('j1', 'n/a'))).toThrow(RowRejection);
  });
});

describe('instants of a file', () => {
  const point = { zone: 'UTC', decimal: '.' } as const;
  const iso = { unit: 'iso', baseMs: 0, shiftDays: 0, ...point } as const;

  it('are UTC where no offset stands, and are cut to milliseconds', () => {
    const expected = Date.parse('2023-11-16T18:17:03.979Z');

    expect(parseIsoMs('2023-11-16 18:17:03.9799600')).toBe(expected);
    expect(parseIsoMs('2023-11-16T18:17:03.979999999Z')).toBe(expected);
    expect(parseIsoMs('2023-11-16T19:17:03.979+01:00')).toBe(expected);
    expect(parseIsoMs('2026-03-01')).toBe(Date.parse('2026-03-01T00:00:00Z'));
  });

  it.each([
    '',
    'yesterday',
    '2026-02-30T00:00:00Z',
    '2026-13-01',
    '2026-03-01T25:00',
    '2026-03-01T',
    '2026-03-01 +02:00',
    '1700000000',
  ])('do not include %p', (text) => {
    expect(parseIsoMs(text)).toBeNull();
    expect(() => instantMs(text, iso, 'at')).toThrow(RowRejection);
  });

  it('count from the base without losing a millisecond to a float, and are shifted by days', () => {
    const rule = { unit: 's', baseMs: 1_000_000, shiftDays: 2, ...point } as const;

    // 1,000,000 + 1.0019 s cut to 1,001 ms + 2 x 86,400,000
    expect(instantMs('1.0019', rule, 'at')).toBe(1_000_000 + 1_001 + 172_800_000);
    // before the base the cut goes the same way: towards the past
    expect(instantMs('-0.0001', { ...rule, shiftDays: 0 }, 'at')).toBe(999_999);
    expect(instantMs('1.9', { ...rule, unit: 'ms', baseMs: 0, shiftDays: -1 }, 'at')).toBe(
      1 - 86_400_000,
    );
  });

  it('are shifted too when they are written out', () => {
    expect(instantMs('2023-11-16', { ...iso, shiftDays: 1000 }, 'at')).toBe(
      Date.parse('2026-08-12T00:00:00Z'),
    );
  });

  it.each([
    // Standard time, summer time, and a day whose midnight was skipped.
    ['America/Los_Angeles', '2026-03-01', 0, '2026-03-01T08:00:00.000Z'],
    ['America/Los_Angeles', '2026-03-14', 0, '2026-03-14T07:00:00.000Z'],
    ['Asia/Kolkata', '2026-03-14', 0, '2026-03-13T18:30:00.000Z'],
    ['America/Santiago', '2026-09-06', 0, '2026-09-06T04:00:00.000Z'],
    // Shifted over the begin of summer time it is a day's begin still.
    ['America/Los_Angeles', '2026-03-01', 13, '2026-03-14T07:00:00.000Z'],
  ])(
    'begin in %s with the day, where %s (and %i days) has no time',
    (zone, date, shiftDays, at) => {
      expect(
        new Date(instantMs(` ${date} `, { ...iso, zone, shiftDays }, 'at')).toISOString(),
      ).toBe(at);
    },
  );

  it('ask for a zone when one is needed, and only then', () => {
    const nowhere = { ...iso, zone: null };

    expect(() => instantMs('2026-03-14', nowhere, 'at')).toThrow(ZoneNeeded);
    expect(() => instantMs('2026-02-30', nowhere, 'at')).toThrow(RowRejection);
    expect(instantMs('2026-03-14 00:00', nowhere, 'at')).toBe(Date.parse('2026-03-14T00:00:00Z'));
  });

  it('are counted with commas where the file has them', () => {
    const rule = { ...iso, unit: 's', decimal: ',' } as const;

    expect(instantMs('1,5', rule, 'at')).toBe(1_500);
    expect(endMs(0, '0,25', rule)).toBe(250);
    expect(() => instantMs('1.5', rule, 'at')).toThrow('not a number');
    expect(() => endMs(0, '1,5', { unit: 's', decimal: '.' })).toThrow('say --decimal ","');
  });

  it('are rejected outside the years 0000 to 9999', () => {
    const rule = { unit: 'ms', baseMs: 0, shiftDays: 0, ...point } as const;
    const last = Date.parse('9999-12-31T23:59:59.999Z');

    expect(instantMs(last.toString(), rule, 'at')).toBe(last);
    expect(() => instantMs((last + 1).toString(), rule, 'at')).toThrow(RowRejection);
    expect(() => endMs(last, '1', rule)).toThrow(RowRejection);
    expect(() => instantMs('9'.repeat(30), rule, 'at')).toThrow(RowRejection);
  });
});
