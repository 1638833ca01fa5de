// Text in a PDF. A PDF shows only letters of the fonts that it holds, and no viewer helps out. So each letter of a name is set in the
// first font that has it; one that none has is shown as a box. Names written from right to left are set from
// right to left.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import bidiFactory from 'bidi-js';
import * as fontkit from 'fontkit';

const modules = createRequire(import.meta.url);

interface Face {
  readonly name: string;
  readonly bytes: Buffer;
  readonly has: (codePoint: number) => boolean;
}

// All are Noto, under the Open Font License. Latin has Greek, Cyrillic and Devanagari too; the Chinese one has the kana.
const FILES = {
  regular: ['@embedpdf/fonts-latin', '../fonts/NotoSans-Regular.ttf'],
  strong: ['@embedpdf/fonts-latin', '../fonts/NotoSans-SemiBold.ttf'],
  arabic: ['@embedpdf/fonts-arabic', '../fonts/NotoNaskhArabic-Regular.ttf'],
  hebrew: ['@embedpdf/fonts-hebrew', '../fonts/NotoSansHebrew-Regular.ttf'],
  chinese: ['@embedpdf/fonts-sc', '../fonts/NotoSansHans-Regular.otf'],
  korean: ['@embedpdf/fonts-kr', '../fonts/NotoSansKR-Regular.otf'],
  emoji: [
    '@expo-google-fonts/noto-emoji/400Regular/NotoEmoji_400Regular.ttf',
    './NotoEmoji_400Regular.ttf',
  ],
} as const;
type FaceName = keyof typeof FILES;
/** Where a letter is looked for that the text's own font does not have. */
const OTHERS: readonly FaceName[] = ['arabic', 'hebrew', 'chinese', 'korean', 'emoji'];

/** Read when first needed, once a process. */
const faces = new Map<FaceName, Face>();

function faceOf(name: FaceName): Face {
  let face = faces.get(name);
  if (face === undefined) {
    const [module, file] = FILES[name];
    const bytes = readFileSync(new URL(file, `file://${modules.resolve(module)}`));
    const font = fontkit.create(bytes);
    if (!('characterSet' in font)) throw new Error(`${file} holds more than one font.`);
    face = { name, bytes, has: (codePoint) => font.hasGlyphForCodePoint(codePoint) };
    faces.set(name, face);
  }
  return face;
}

export interface Style {
  readonly size: number;
  readonly isStrong?: boolean;
  readonly colour: string;
}

/** A stretch of a line in one font and direction. */
interface Run {
  readonly text: string;
  readonly face: FaceName;
  /** Of the bidirectional algorithm: odd from right to left. */
  readonly level: number;
}

const bidi = bidiFactory();
const PLAIN = /^[\x20-\x7e\u00a0-\u024f]*$/;
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\u200f\u202a-\u202e\u2066-\u2069]/u;
/** Set in the font of the letter that they are above, below or beside, where that has them. */
const MARK = /\p{M}/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
/** A word with what may end a line behind it; a date is one word. */
const WORDS = /.+?(?: +|[-/_](?=\D)|$)/gsu;
/** In UTF-16 units; longer ones are not remembered. */
const LETTER_MAX = 4;
const letters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Measures, breaks and sets text in a document. */
export class PdfText {
  /** Whether a letter was set that no font has. */
  hasMissing = false;

  constructor(private readonly document: PDFKit.PDFDocument) {}

  /** In points. Of plain letters without kerning, which costs more than it tells. */
  width(text: string, style: Style): number {
    if (PLAIN.test(text)) return this.plainWidth(text, style);
    return this.runs(text, style).reduce((sum, run) => sum + this.widthOf(run, style), 0);
  }

  /** The lines of a text that is to be no wider than `width`: broken between words, else between letters. */
  lines(text: string, style: Style, width: number): readonly string[] {
    if (this.width(text, style) <= width) return [text];
    const lines: string[] = [];
    let line = '';
    let used = 0;
    // The widths of pieces are added up: setting each longer line anew would cost the square of a long name.
    const add = (piece: string): void => {
      if (line !== '' && used + this.pieceWidth(piece.trimEnd(), style) > width) {
        lines.push(line.trimEnd());
        line = '';
        used = 0;
      }
      line += piece;
      used += this.pieceWidth(piece, style);
    };
    for (const word of text.match(WORDS) ?? []) {
      if (this.width(word.trimEnd(), style) <= width) add(word);
      else for (const { segment } of letters.segment(word)) add(segment);
    }
    return [...lines, line.trimEnd()];
  }

  /** The text, or what of it fits in one line. */
  cut(text: string, style: Style, width: number): string {
    const [line = '', ...more] = this.lines(text, style, width - this.width('…', style));
    return more.length === 0 || this.width(text, style) <= width ? text : `${line}…`;
  }

  /** Sets one line from the left on its base line. */
  draw(text: string, style: Style, at: { readonly x: number; readonly y: number }): void {
    const runs = this.runs(text, style);
    const places = new Map<Run, number>();
    let { x } = at;
    for (const run of asSeen(runs)) {
      places.set(run, x);
      x += this.widthOf(run, style);
    }
    this.document.fillColor(style.colour);
    // In the order in which they are read, so that who copies them gets them so.
    for (const run of runs) {
      this.use(run, style);
      this.document.text(run.text, places.get(run), at.y, {
        lineBreak: false,
        baseline: 'alphabetic',
      });
    }
  }

  private plainWidth(text: string, style: Style): number {
    let width = 0;
    for (const letter of text) width += this.known(letter, style);
    return width;
  }

  /** A letter that comes often is measured once. */
  private pieceWidth(piece: string, style: Style): number {
    return piece.length <= LETTER_MAX ? this.known(piece, style) : this.width(piece, style);
  }

  private known(letter: string, { size, isStrong = false }: Style): number {
    const advances = this.advances[isStrong ? 'strong' : 'regular'];
    let advance = advances.get(letter);
    if (advance === undefined) {
      const unit = { size: 1, isStrong, colour: '' };
      advance = this.runs(letter, unit).reduce((sum, run) => sum + this.widthOf(run, unit), 0);
      advances.set(letter, advance);
    }
    return advance * size;
  }
  private readonly advances = {
    regular: new Map<string, number>(),
    strong: new Map<string, number>(),
  };

  private widthOf(run: Run, style: Pick<Style, 'size'>): number {
    this.use(run, style);
    return this.document.widthOfString(run.text);
  }

  private use({ face }: Run, { size }: Pick<Style, 'size'>): void {
    if (!this.registered.has(face)) {
      this.document.registerFont(face, faceOf(face).bytes);
      this.registered.add(face);
    }
    this.document.font(face).fontSize(size);
  }
  private readonly registered = new Set<FaceName>();

  /** In the order in which they are read. */
  private runs(text: string, { isStrong = false }: Style): readonly Run[] {
    const own = isStrong ? 'strong' : 'regular';
    if (PLAIN.test(text)) return [{ text, face: own, level: 0 }];
    const levels = levelsOf(text);
    const runs: Run[] = [];
    let at = 0;
    for (const letter of text) {
      const face = this.faceFor(letter, own, runs.at(-1)?.face ?? own);
      append(runs, { text: letter, face, level: levels[at] ?? 0 });
      at += letter.length;
    }
    return runs;
  }

  private faceFor(letter: string, own: FaceName, before: FaceName): FaceName {
    const codePoint = letter.codePointAt(0) ?? 0;
    if (INVISIBLE.test(letter)) return before;
    const order = MARK.test(letter) ? [before, own, ...OTHERS] : [own, ...OTHERS];
    const found = order.find((name) => faceOf(name).has(codePoint));
    if (found === undefined) this.hasMissing = true;
    return found ?? own;
  }
}

function levelsOf(text: string): Uint8Array {
  return RIGHT_TO_LEFT.test(text)
    ? bidi.getEmbeddingLevels(text).levels
    : new Uint8Array(text.length);
}

function append(runs: Run[], next: Run): void {
  const last = runs.at(-1);
  const isSame = last?.face === next.face && last.level === next.level;
  // The words of a run are set one after the other from the left, so from right to left each is a run.
  if (isSame && (last.level % 2 === 0 || !last.text.endsWith(' '))) {
    runs[runs.length - 1] = { ...last, text: last.text + next.text };
  } else {
    runs.push(next);
  }
}

// From left to right. The second rule of the algorithm's last part: from the highest level down, what lies at it or above is turned round.
function asSeen(runs: readonly Run[]): readonly Run[] {
  const seen = [...runs];
  for (let level = Math.max(...runs.map((run) => run.level)); level > 0; level -= 1) {
    let from = 0;
    while (from < seen.length) {
      let to = from;
      while ((seen[to]?.level ?? 0) >= level) to += 1;
      seen.splice(from, to - from, ...seen.slice(from, to).reverse());
      from = to + 1;
    }
  }
  return seen;
}
