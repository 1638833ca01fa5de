// A statement as a person reads it: its facts, its tables and its proof, in the words and figures of a language. HTML and PDF show
// this, so that they say the same. Rows stand largest first.

import { formatLocal } from '../core/calendar.ts';
import { invariant } from '../core/errors.ts';
import { parseInstant } from '../core/instant.ts';
import { formatMicro, parseMicro } from '../core/micro.ts';
import { oneLine } from '../core/text.ts';
import type { SignedStatement, StatementDocument } from './document.ts';
import { type Language, type Words, words } from './words.ts';

/** Where a gateway publishes the keys that verify its statements. */
const KEYS_PATH = '/.well-known/billing-keys.json';

const NBSP = '\u00a0';

/** A text, and what it stands for where that is written otherwise: an exact decimal, an instant in UTC. */
export interface Cell {
  readonly text: string;
  readonly amount?: string;
  readonly instant?: string;
}

export interface Column {
  readonly title: string;
  /** Figures stand on the right. Names may be long, and break anywhere. */
  readonly kind: 'FIGURE' | 'NAME' | 'WORD';
  /** Its part of the table's width. */
  readonly share: number;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** The last row, set apart from the others. */
  readonly total: readonly Cell[];
}

/** A part of a statement: tables, or a sentence instead of them. */
export interface Fact {
  readonly label: string;
  readonly cell: Cell;
  /** Of digits and letters without meaning, which may break anywhere. */
  readonly isCode?: boolean;
}

export interface Sheet {
  readonly language: Language;
  /** Of the file and the window: number, account, cycle. */
  readonly title: string;
  readonly heading: string;
  readonly issuer: string;
  /** At the head of each page, opposite the issuer. */
  readonly running: string;
  readonly facts: readonly Fact[];
  readonly notes: readonly string[];
  readonly summary: Table;
  /** What was used, and what is left of the allocations. */
  readonly tables: readonly Table[];
  /** Said in place of tables that would be empty. */
  readonly remarks: readonly string[];
  readonly proof: {
    readonly title: string;
    readonly text: string;
    readonly command: string;
    readonly keys: string;
    readonly facts: readonly Fact[];
  };
  readonly issuedAtMs: number;
  readonly page: (page: number, pages: number) => string;
  /** Said where letters are missing. */
  readonly missing: string;
}

/** A statement in a language. */
export function sheetOf(statement: SignedStatement, language: Language): Sheet {
  const { document } = statement;
  const say = words[language];
  const write = writer(language, document.account.timeZone);
  const { number, account, cycle } = document;
  const holder = oneLine(account.name);
  const used = usedTables(document, say, write);
  const lots = document.lots.length === 0 ? [] : [lotTable(document, say, write)];
  const { opening, closing } = document.credits;
  const isInDebt = [opening, closing].some((balance) => parseMicro(balance) < 0n);
  return {
    language,
    title: `${say.numbered(number)}: ${holder}, ${say.span(write.day(cycle.from), write.day(cycle.to))}`,
    heading: say.numbered(number),
    issuer: oneLine(document.issuer),
    running: `${say.numbered(number)} · ${holder}`,
    facts: factsOf(document, say, write),
    notes: [say.unit, ...(isInDebt ? [say.debt] : [])],
    summary: summaryTable(document, say, write),
    tables: [...used, ...lots],
    remarks: [
      ...(used.length === 0 ? [say.nothingUsed] : []),
      ...(lots.length === 0 ? [say.noLots] : []),
    ],
    proof: {
      title: say.proof,
      text: say.proofText,
      command: `npm run verify -- statement-${number}.json --keys billing-keys.json`,
      keys: say.keysAt(KEYS_PATH),
      facts: proofFacts(statement, say),
    },
    issuedAtMs: parseInstant(document.issuedAt),
    page: say.page,
    missing: say.missing,
  };
}

interface Writer {
  /** "1,234.500000": with all six digits. */
  readonly amount: (decimal: string) => Cell;
  /** With its sign, also where it is positive. */
  readonly signed: (decimal: string) => Cell;
  readonly count: (count: number) => Cell;
  /** "2026-03-01 00:00:00 (UTC+01:00)" */
  readonly instant: (instant: string) => Cell;
  readonly day: (instant: string) => string;
}

function writer(language: Language, timeZone: string): Writer {
  const six = { minimumFractionDigits: 6, maximumFractionDigits: 6 };
  const plain = new Intl.NumberFormat(language, six);
  const signed = new Intl.NumberFormat(language, { ...six, signDisplay: 'exceptZero' });
  const whole = new Intl.NumberFormat(language);
  // From the string, so that no digit is lost to a double.
  const figure =
    (format: Intl.NumberFormat) =>
    (decimal: string): Cell => {
      invariant(isDecimal(decimal), 'amount of a statement', { decimal });
      return { text: format.format(decimal), amount: decimal };
    };
  // Where there is no room for all of it, the offset stands below.
  const local = (instant: string): string =>
    formatLocal(timeZone, parseInstant(instant)).replace(` ${timeZone} `, ' ').replace(' ', NBSP);
  return {
    amount: figure(plain),
    signed: figure(signed),
    count: (count) => ({ text: whole.format(count) }),
    instant: (instant) => ({ text: local(instant), instant }),
    day: (instant) => local(instant).slice(0, 10),
  };
}

function isDecimal(text: string): text is `${number}` {
  return /^-?\d+(\.\d{1,6})?$/.test(text);
}

function factsOf(document: StatementDocument, say: Words, write: Writer): readonly Fact[] {
  const { account, cycle, issuedAt } = document;
  return [
    { label: say.account, cell: name(account.name) },
    { label: say.accountId, cell: name(account.externalId ?? account.id) },
    { label: say.from(cycle.number), cell: write.instant(cycle.from) },
    { label: say.to(cycle.number), cell: write.instant(cycle.to) },
    { label: say.issuedAt, cell: write.instant(issuedAt) },
    { label: say.timeZone, cell: { text: account.timeZone } },
  ];
}

// Signed, so that the column adds up to the closing balance.
function summaryTable({ credits }: StatementDocument, say: Words, write: Writer): Table {
  const negated = (decimal: string): string => formatMicro(-parseMicro(decimal));
  return {
    title: say.summary,
    columns: [column(say.item, 3), column(say.credits, 2, 'FIGURE')],
    rows: [
      [{ text: say.opening }, write.amount(credits.opening)],
      [{ text: say.allocated }, write.signed(credits.allocated)],
      [{ text: say.used }, write.signed(negated(credits.used))],
      [{ text: say.expired }, write.signed(negated(credits.expired))],
      [{ text: say.adjusted }, write.signed(credits.adjusted)],
    ],
    total: [{ text: say.closing }, write.amount(credits.closing)],
  };
}

function usedTables({ used }: StatementDocument, say: Words, write: Writer): readonly Table[] {
  const credits = column(say.credits, 2, 'FIGURE');
  const named = (names: Readonly<Record<string, string>>, key: string): Cell => ({
    text: names[key] ?? key,
  });
  const total = (rows: readonly { readonly credits: string }[], between = 0): readonly Cell[] => [
    { text: say.total },
    ...blanks(between),
    write.amount(sumOf(rows.map((row) => row.credits))),
  ];
  const tables: readonly Table[] = [
    {
      title: say.usedBy.category,
      columns: [column(say.categoryOf, 3), credits],
      rows: largestFirst(used.byCategory).map((row) => [
        named(say.category, row.category),
        write.amount(row.credits),
      ]),
      total: total(used.byCategory),
    },
    {
      title: say.usedBy.component,
      columns: [column(say.componentOf, 3), credits],
      rows: largestFirst(used.byComponent).map((row) => [
        named(say.component, row.component),
        write.amount(row.credits),
      ]),
      total: total(used.byComponent),
    },
    {
      title: say.usedBy.hardware,
      columns: [column(say.hardware, 3, 'NAME'), credits],
      rows: largestFirst(used.byHardware).map((row) => [
        name(row.hardware),
        write.amount(row.credits),
      ]),
      total: total(used.byHardware),
    },
    {
      title: say.usedBy.resource,
      columns: [
        column(say.resource, 4, 'NAME'),
        column(say.kindOf, 2),
        column(say.externalId, 3, 'NAME'),
        credits,
      ],
      rows: largestFirst(used.byResource).map((row) => [
        name(row.name),
        named(say.kind, row.kind),
        name(row.externalId),
        write.amount(row.credits),
      ]),
      total: total(used.byResource, 2),
    },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

function lotTable({ lots }: StatementDocument, say: Words, write: Writer): Table {
  return {
    title: say.lots,
    columns: [
      column(say.source, 2),
      column(say.priority, 1, 'FIGURE'),
      column(say.effectiveAt, 4),
      column(say.expiresAt, 4),
      column(say.amount, 2, 'FIGURE'),
      column(say.remaining, 2, 'FIGURE'),
    ],
    rows: lots.map((lot) => [
      { text: say.sources[lot.source] ?? lot.source },
      write.count(lot.priority),
      write.instant(lot.effectiveAt),
      lot.expiresAt === null ? { text: say.never } : write.instant(lot.expiresAt),
      write.amount(lot.amount),
      write.amount(lot.remaining),
    ]),
    total: [
      { text: say.total },
      ...blanks(4),
      write.amount(sumOf(lots.map((lot) => lot.remaining))),
    ],
  };
}

function proofFacts(statement: SignedStatement, say: Words): readonly Fact[] {
  const { document, sha256, keyId, signature } = statement;
  const { firstSequence, lastSequence, lastHash } = document.ledger;
  const { previousSha256 } = document;
  const code = (label: string, value: string): Fact => ({
    label,
    cell: { text: value },
    isCode: true,
  });
  return [
    code(say.sha256, sha256),
    previousSha256 === null
      ? { label: say.previousSha256, cell: { text: say.first } }
      : code(say.previousSha256, previousSha256),
    code(say.signature, signature),
    code(say.lastHash, lastHash),
    {
      label: say.entries,
      cell: {
        text: say.span(firstSequence.toString(), lastSequence.toString()),
      },
    },
    { label: say.keyId, cell: { text: keyId } },
  ];
}

function blanks(length: number): readonly Cell[] {
  return Array.from({ length }, () => ({ text: '' }));
}

/** What others gave a name: it may hold line breaks. */
function name(text: string): Cell {
  return { text: oneLine(text) };
}

function column(title: string, share: number, kind: Column['kind'] = 'WORD'): Column {
  return { title, share, kind };
}

function sumOf(decimals: readonly string[]): string {
  return formatMicro(decimals.reduce((sum, decimal) => sum + parseMicro(decimal), 0n));
}

function largestFirst<T extends { readonly credits: string }>(rows: readonly T[]): readonly T[] {
  return rows
    .map((row) => ({ row, micro: parseMicro(row.credits) }))
    .sort((a, b) => (a.micro === b.micro ? 0 : a.micro > b.micro ? -1 : 1))
    .map(({ row }) => row);
}
