// A statement as a PDF of A4 pages: each with the issuer, the account and its number, and each table's head. The same statement is the
// same bytes. It is tagged, so that it can be read aloud: headings, and tables with the heads of their columns and rows.

import { setImmediate as nextTurn } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { UnavailableError } from '../core/errors.ts';
import type { SignedStatement } from './document.ts';
import { PdfText, type Style } from './pdf-text.service.ts';
import { type Cell, type Fact, type Sheet, sheetOf, type Table } from './sheet.ts';
import type { Language } from './words.ts';

// In points.
const PAGE = { width: 595.28, height: 841.89 };
const LEFT = 51;
const RIGHT = PAGE.width - LEFT;
const WIDTH = RIGHT - LEFT;
const RUNNING_Y = 48;
const TOP = 76;
const BOTTOM = PAGE.height - 62;
const FOOTER_Y = PAGE.height - 40;
const GAP = 12;
const PART_GAP = 18;
const LINE = 1.38;
const ROW_PADDING = 3.2;
/** Tables of so few rows are not divided between pages. */
const SHORT_ROWS_MAX = 12;
/** As long as the process does nothing else. */
const ROWS_A_TURN = 10;

const FIGURE_WIDTH_MIN = 34;
/** More than the proof needs. */
const PROOF_HEIGHT = 240;

const TEXT = '#17202a';
const MUTED = '#586573';
const RULE = '#d5dbe1';
const styles = {
  heading: { size: 18, isStrong: true, colour: TEXT },
  title: { size: 10.5, isStrong: true, colour: TEXT },
  body: { size: 9, colour: TEXT },
  note: { size: 9, colour: MUTED },
  label: { size: 7.5, colour: MUTED },
  code: { size: 8, colour: TEXT },
  total: { size: 9, isStrong: true, colour: TEXT },
} as const satisfies Readonly<Record<string, Style>>;

/** PDFs are made one after the other, because a long one takes much memory and time. As many wait for their turn. */
const WAITING_MAX = 20;
const RETRY_AFTER_SECONDS = 5;
let waiting = 0;
let last: Promise<unknown> = Promise.resolve();

/**
 * A statement as the bytes of a PDF, in a language. Between parts of a long one the process answers others.
 * @throws UNAVAILABLE when too many are waiting to be made
 */
export async function statementPdf(
  statement: SignedStatement,
  language: Language,
): Promise<Buffer> {
  if (waiting >= WAITING_MAX) {
    throw new UnavailableError('Many statements are being printed; please try again.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
  waiting += 1;
  const printed = last.then(() => print(sheetOf(statement, language)));
  last = printed.catch(() => undefined);
  try {
    return await printed;
  } finally {
    waiting -= 1;
  }
}

async function print(sheet: Sheet): Promise<Buffer> {
  // Each page says how many there are, and is written out when the next one begins: so they are counted first.
  const proof = new Press(sheet, null);
  await proof.press();
  return new Press(sheet, proof.pages).print();
}

type Element = PDFKit.PDFStructureElement;
type Scope = 'Column' | 'Row';

/** Where a column stands, in points from the left. */
interface Placed {
  readonly x: number;
  readonly width: number;
  readonly isFigure: boolean;
}

/** A table's row, broken into the lines of each cell. */
interface Row {
  readonly columns: readonly Placed[];
  readonly lines: readonly (readonly string[])[];
  readonly style: Style;
  readonly height: number;
}

class Press {
  private readonly document: PDFKit.PDFDocument;
  private readonly text: PdfText;
  private readonly root: Element | null;
  private y = TOP;
  /** How many there are so far. */
  pages = 0;

  /** @param of how many pages there will be; null: nothing is printed, they are counted */
  constructor(
    private readonly sheet: Sheet,
    private readonly of: number | null,
  ) {
    const issuedAt = new Date(sheet.issuedAtMs);
    this.document = new PDFDocument({
      size: [PAGE.width, PAGE.height],
      margin: 0,
      pdfVersion: '1.7',
      tagged: true,
      lang: sheet.language,
      displayTitle: true,
      autoFirstPage: false,
      info: {
        Title: sheet.title,
        Author: sheet.issuer,
        CreationDate: issuedAt,
        ModDate: issuedAt,
      },
    });
    this.text = new PdfText(this.document);
    this.root = of === null ? null : this.document.struct('Document');
    if (this.root !== null) this.document.addStructure(this.root);
  }

  async print(): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    this.document.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    const ended = new Promise((resolve) => this.document.once('end', resolve));
    await this.press();
    this.root?.end();
    this.document.end();
    await ended;
    return Buffer.concat(chunks);
  }

  async press(): Promise<void> {
    const { sheet } = this;
    this.addPage();
    this.heading('H1', sheet.heading, styles.heading);
    this.space(4);
    this.facts(sheet.facts);
    this.space(4);
    for (const note of sheet.notes) this.paragraph(note, styles.note);
    for (const table of [sheet.summary, ...sheet.tables]) await this.table(table);
    for (const remark of sheet.remarks) {
      this.space(GAP);
      this.paragraph(remark, styles.body);
    }
    this.proof();
  }

  private addPage(): void {
    this.pages += 1;
    this.y = TOP;
    if (this.of === null) return;
    this.document.addPage();
    const { issuer, running, page } = this.sheet;
    const half = WIDTH / 2 - GAP;
    // Who is named at length is named in full among the facts.
    const left = this.text.cut(issuer, styles.label, half);
    const right = this.text.cut(running, styles.label, half);
    const below = page(this.pages, this.of);
    const atRight = (text: string): number => RIGHT - this.text.width(text, styles.label);
    this.artifact(() => {
      this.text.draw(left, styles.label, { x: LEFT, y: RUNNING_Y });
      this.text.draw(right, styles.label, { x: atRight(right), y: RUNNING_Y });
      this.text.draw(below, styles.label, { x: atRight(below), y: FOOTER_Y });
    }, 'Pagination');
    this.rule(RUNNING_Y + 7, RULE);
  }

  private space(points: number): void {
    this.y += points;
  }

  /** Begins a page where this one has no room for so much. */
  private makeRoom(height: number): void {
    if (this.y + height > BOTTOM) this.addPage();
  }

  private heading(kind: 'H1' | 'H2', title: string, style: Style): void {
    this.block(kind, this.text.lines(title, style, WIDTH), style);
    this.space(3);
  }

  private paragraph(text: string, style: Style): void {
    const lines = this.text.lines(text, style, WIDTH);
    this.makeRoom(lines.length * style.size * LINE);
    this.block('P', lines, style);
  }

  private block(kind: string, lines: readonly string[], style: Style): void {
    const top = this.y;
    this.mark(this.root, kind, () => {
      this.drawLines(lines, style, { x: LEFT, y: top });
    });
    this.y += lines.length * style.size * LINE;
  }

  // Two side by side; those of long codes alone.
  private facts(facts: readonly Fact[]): void {
    const half = (WIDTH - GAP) / 2;
    let isLeft = true;
    let below = this.y;
    for (const { label, cell, isCode = false } of facts) {
      if (isCode) isLeft = true;
      const style = isCode ? styles.code : styles.body;
      const lines = this.text.lines(cell.text, style, isCode ? WIDTH : half);
      const height = (styles.label.size + lines.length * style.size) * LINE + 5;
      if (isLeft) {
        this.y = below;
        this.makeRoom(height);
        below = this.y;
      }
      const at = { x: isLeft ? LEFT : LEFT + half + GAP, y: this.y };
      this.mark(this.root, 'P', () => {
        this.drawLines([label], styles.label, at);
        this.drawLines(lines, style, { ...at, y: at.y + styles.label.size * LINE });
      });
      below = Math.max(below, this.y + height);
      isLeft = isCode || !isLeft;
    }
    this.y = below;
  }

  private proof(): void {
    const { proof, missing } = this.sheet;
    this.part(PROOF_HEIGHT);
    this.heading('H2', proof.title, styles.title);
    this.paragraph(proof.text, styles.body);
    this.space(5);
    this.paragraph(proof.command, styles.code);
    this.space(5);
    this.paragraph(proof.keys, styles.body);
    this.space(8);
    this.facts(proof.facts);
    if (this.text.hasMissing) {
      this.space(5);
      this.paragraph(missing, styles.note);
    }
  }

  private async table(table: Table): Promise<void> {
    const columns = this.place(table);
    const head = this.row(
      columns,
      table.columns.map(({ title }) => ({ text: title })),
      styles.label,
    );
    const total = this.row(columns, table.total, styles.total);
    const title = styles.title.size * LINE + 3;
    const isShort = table.rows.length <= SHORT_ROWS_MAX;
    const kept = table.rows
      .slice(0, isShort ? SHORT_ROWS_MAX : 2)
      .reduce((sum, cells) => sum + this.row(columns, cells, styles.body).height, 0);
    this.part(title + head.height + kept + (isShort ? total.height : 0));
    this.heading('H2', table.title, styles.title);
    const element = this.open(this.root, 'Table');
    this.drawHead(element, head);
    await this.rows(element, table, { columns, head, total });
    element?.end();
  }

  private async rows(
    element: Element | null,
    table: Table,
    { columns, head, total }: { columns: readonly Placed[]; head: Row; total: Row },
  ): Promise<void> {
    const body = this.open(element, 'TBody');
    const last = table.rows.length - 1;
    for (const [index, cells] of table.rows.entries()) {
      const row = this.row(columns, cells, styles.body);
      // The total never stands alone on a page.
      if (this.y + row.height + (index === last ? total.height : 0) > BOTTOM) {
        this.addPage();
        this.drawHeadAgain(head);
      }
      this.drawRow(body, row, (at) => (at === 0 ? 'Row' : null));
      this.rule(this.y, index === last ? TEXT : RULE);
      if (index % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn();
    }
    body?.end();
    const foot = this.open(element, 'TFoot');
    this.drawRow(foot, total, (at) => (at === 0 ? 'Row' : null));
    foot?.end();
  }

  /** Where a table's columns stand: figures get what the widest needs, the others share the rest. */
  private place({ columns, rows, total }: Table): readonly Placed[] {
    const needed = columns.map(({ kind }, index) =>
      kind === 'FIGURE'
        ? [...rows, total].reduce(
            (widest, cells) =>
              Math.max(widest, this.text.width(cells[index]?.text ?? '', styles.total)),
            FIGURE_WIDTH_MIN,
          )
        : 0,
    );
    const rest = WIDTH - GAP * (columns.length - 1) - needed.reduce((sum, one) => sum + one, 0);
    const shares = columns.reduce((sum, one) => sum + (one.kind === 'FIGURE' ? 0 : one.share), 0);
    let x = LEFT;
    return columns.map((column, index) => {
      const width =
        column.kind === 'FIGURE' ? (needed[index] ?? 0) : (rest * column.share) / shares;
      const placed = { x, width, isFigure: column.kind === 'FIGURE' };
      x += width + GAP;
      return placed;
    });
  }

  private row(columns: readonly Placed[], cells: readonly Cell[], style: Style): Row {
    const lines = columns.map(({ width }, index) =>
      this.text.lines(cells[index]?.text ?? '', style, width),
    );
    const most = Math.max(...lines.map((one) => one.length));
    return { columns, lines, style, height: most * style.size * LINE + 2 * ROW_PADDING };
  }

  private drawHead(element: Element | null, head: Row): void {
    const rows = this.open(element, 'THead');
    this.drawRow(rows, head, () => 'Column');
    rows?.end();
    this.rule(this.y, TEXT);
  }

  /** On a later page, where it is not read aloud again. */
  private drawHeadAgain(head: Row): void {
    this.artifact(() => {
      head.columns.forEach((_column, index) => {
        this.drawCell(head, index, this.y);
      });
    }, 'Pagination');
    this.y += head.height;
    this.rule(this.y, TEXT);
  }

  private drawRow(parent: Element | null, row: Row, scopeOf: (at: number) => Scope | null): void {
    const element = this.open(parent, 'TR');
    const { y } = this;
    row.columns.forEach((_column, index) => {
      const draw = (): void => {
        this.drawCell(row, index, y);
      };
      const scope = scopeOf(index);
      if (scope === null) this.mark(element, 'TD', draw);
      else this.mark(element, 'TH', draw, scope);
    });
    element?.end();
    this.y += row.height;
  }

  private drawCell({ columns, lines, style }: Row, index: number, top: number): void {
    const column = columns[index];
    if (column === undefined) return;
    (lines[index] ?? []).forEach((line, at) => {
      const indent = column.isFigure ? column.width - this.text.width(line, style) : 0;
      this.text.draw(line, style, {
        x: column.x + indent,
        y: top + ROW_PADDING + at * style.size * LINE + style.size,
      });
    });
  }

  /** Room before a part that is to begin with so much on one page. */
  private part(height: number): void {
    const isFull = this.y + PART_GAP + height > BOTTOM;
    if (isFull) this.addPage();
    else this.y += PART_GAP;
  }

  private drawLines(
    lines: readonly string[],
    style: Style,
    at: { readonly x: number; readonly y: number },
  ): void {
    lines.forEach((line, index) => {
      this.text.draw(line, style, { x: at.x, y: at.y + index * style.size * LINE + style.size });
    });
  }

  /** An element that others go into; its user ends it. */
  private open(parent: Element | null, kind: string): Element | null {
    if (parent === null) return null;
    const element = this.document.struct(kind);
    parent.add(element);
    return element;
  }

  /** Draws what is read aloud as an element of a kind; `scope`: what a table's head is head of. */
  private mark(parent: Element | null, kind: string, draw: () => void, scope?: Scope): void {
    parent?.add(this.document.struct(kind, scope === undefined ? {} : { scope }, draw));
  }

  /** What is seen, but not read aloud. */
  private artifact(draw: () => void, type: 'Layout' | 'Pagination'): void {
    if (this.of === null) return;
    this.document.markContent('Artifact', { type });
    draw();
    this.document.endMarkedContent();
  }

  private rule(y: number, colour: string): void {
    this.artifact(() => {
      this.document.moveTo(LEFT, y).lineTo(RIGHT, y).lineWidth(0.5).stroke(colour);
    }, 'Layout');
  }
}
