// A statement as one HTML file that needs nothing else: no script, no image, no font of another place. It is read on a screen of any
// width, and printed on A4 as on Letter: each page has the issuer, the account and its number, and each table's head.

import { escapeHtml } from '../core/html.ts';
import type { SignedStatement } from './document.ts';
import { type Cell, type Column, type Fact, type Sheet, sheetOf, type Table } from './sheet.ts';
import type { Language } from './words.ts';

/**
 * The style of every statement, the same to the byte, so that a policy can allow it by its hash. The table around everything makes
 * browsers repeat its head on each printed page.
 */
export const STATEMENT_STYLE = `
:root { color-scheme: light; --text: #17202a; --muted: #586573; --line: #d5dbe1; --strong: #17202a; --soft: #f4f6f8; }
* { box-sizing: border-box; }
body { margin: 0; background: #e9edf1; color: var(--text); font: 14px/1.45 'Noto Sans', system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; font-variant-numeric: tabular-nums; }
.sheet { width: 100%; max-width: 860px; margin: 0 auto; border-collapse: collapse; background: #fff; table-layout: fixed; }
.sheet > thead > tr > td { padding: 28px 40px 0; }
.sheet > tbody > tr > td { padding: 0 40px 40px; }
.running { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 24px; padding-bottom: 8px; border-bottom: 1px solid var(--line); color: var(--muted); font-size: 12px; }
.running p { margin: 0; overflow-wrap: anywhere; }
h1 { margin: 28px 0 20px; font-size: 26px; line-height: 1.2; font-weight: 600; }
h2, caption { margin: 0; padding: 0 0 6px; text-align: left; font-size: 15px; line-height: 1.4; font-weight: 600; color: var(--text); }
h2 { padding-top: 32px; }
dl { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px 24px; margin: 0; }
dl.proof { margin-top: 20px; }
.code { grid-column: 1 / -1; }
dt { color: var(--muted); font-size: 12px; }
dd { margin: 0; overflow-wrap: anywhere; }
p { margin: 0; overflow-wrap: anywhere; }
.notes { margin-top: 20px; color: var(--muted); }
.remark { margin-top: 28px; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; font-size: 0.9em; overflow-wrap: anywhere; }
.command { display: block; margin: 8px 0; padding: 8px 12px; background: var(--soft); }
.scroll { overflow-x: auto; margin-top: 28px; }
.figures { width: 100%; border-collapse: collapse; }
.figures th, .figures td { padding: 5px 0 5px 16px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: 400; }
.figures th:first-child, .figures td:first-child { padding-left: 0; }
.figures thead th { border-bottom: 1px solid var(--strong); color: var(--muted); font-size: 12px; vertical-align: bottom; }
.figures .n { text-align: right; white-space: nowrap; }
.figures tbody .free { min-width: 8em; overflow-wrap: anywhere; }
.figures thead .n { white-space: normal; }
.figures tfoot th, .figures tfoot td { border-top: 1px solid var(--strong); border-bottom: 0; font-weight: 600; }
@media (max-width: 640px) {
  .sheet > thead > tr > td { padding: 16px 16px 0; }
  .sheet > tbody > tr > td { padding: 0 16px 24px; }
  dl { grid-template-columns: minmax(0, 1fr); }
  .figures { width: max-content; min-width: 100%; }
  .figures th, .figures td { max-width: 12rem; }
}
@page { margin: 14mm 16mm 18mm; @bottom-right { content: counter(page) ' / ' counter(pages); font: 8pt/1 'Noto Sans', Arial, sans-serif; color: #586573; } }
@media print {
  body { background: none; font-size: 9pt; line-height: 1.35; }
  .sheet { max-width: none; }
  .sheet > thead > tr > td { padding: 0 0 4mm; }
  .sheet > tbody > tr > td { padding: 0; }
  .running, dt, .figures thead th { font-size: 8pt; }
  h1 { margin: 4mm 0 5mm; font-size: 18pt; }
  h2, caption { font-size: 10.5pt; break-after: avoid; }
  .scroll { overflow: visible; margin-top: 6mm; }
  .remark { margin-top: 6mm; }
  .figures th, .figures td { padding-top: 2.5pt; padding-bottom: 2.5pt; }
  dl { gap: 2mm 6mm; }
  .notes { margin-top: 4mm; }
  h2 { padding-top: 6mm; }
  .figures thead { display: table-header-group; }
  .figures tfoot { display: table-row-group; }
  .figures tr, section { break-inside: avoid; }
  .figures tbody tr:first-child, .figures tfoot tr { break-before: avoid; }
  .short { break-inside: avoid; }
  .command { border: 1px solid var(--line); background: none; }
}
`;

/** Tables of so few rows are not divided between pages. */
const SHORT_ROWS_MAX = 12;

const CLASSES: Readonly<Record<Column['kind'], string>> = {
  FIGURE: ' class="n"',
  NAME: ' class="free"',
  WORD: '',
};

/** A statement as an HTML file, in a language. */
export function statementHtml(statement: SignedStatement, language: Language): string {
  const sheet = sheetOf(statement, language);
  return `<!doctype html>
<html lang="${sheet.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(sheet.title)}</title>
<style>${STATEMENT_STYLE}</style>
</head>
<body>
<table class="sheet" role="presentation">
<thead><tr><td><header class="running"><p>${isolated(sheet.issuer)}</p><p>${isolated(sheet.running)}</p></header></td></tr></thead>
<tbody><tr><td><main>
<h1>${escapeHtml(sheet.heading)}</h1>
${factsHtml(sheet.facts, 'about')}
<div class="notes">${sheet.notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('')}</div>
${[sheet.summary, ...sheet.tables].map(tableHtml).join('\n')}
${sheet.remarks.map((remark) => `<p class="remark">${escapeHtml(remark)}</p>`).join('\n')}
${proofHtml(sheet)}
</main></td></tr></tbody>
</table>
</body>
</html>
`;
}

function factsHtml(facts: readonly Fact[], name: string): string {
  const pairs = facts.map(({ label, cell, isCode = false }) => {
    const name = `<dt>${escapeHtml(label)}</dt>`;
    return isCode
      ? `<div class="code">${name}<dd><code>${escapeHtml(cell.text)}</code></dd></div>`
      : `<div>${name}<dd>${cellHtml(cell)}</dd></div>`;
  });
  return `<dl class="${name}">\n${pairs.join('\n')}\n</dl>`;
}

function tableHtml({ title, columns, rows, total }: Table): string {
  const classes = columns.map(({ kind }) => CLASSES[kind]);
  const rowHtml = (cells: readonly Cell[]): string => {
    const [first = '', ...others] = cells.map(cellHtml);
    const rest = others.map((html, index) => `<td${classes[index + 1] ?? ''}>${html}</td>`);
    return `<tr><th scope="row"${classes[0] ?? ''}>${first}</th>${rest.join('')}</tr>`;
  };
  const head = columns.map(
    (column, index) => `<th scope="col"${classes[index] ?? ''}>${escapeHtml(column.title)}</th>`,
  );
  // A region that can be reached by keys, because on a narrow screen a wide table scrolls.
  const isShort = rows.length <= SHORT_ROWS_MAX;
  return `<div class="scroll${isShort ? ' short' : ''}" role="region" tabindex="0" aria-label="${escapeHtml(title)}"><table class="figures">
<caption>${escapeHtml(title)}</caption>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${rows.map(rowHtml).join('\n')}
</tbody>
<tfoot>${rowHtml(total)}</tfoot>
</table></div>`;
}

function proofHtml({ proof }: Sheet): string {
  return `<section>
<h2>${escapeHtml(proof.title)}</h2>
<p>${escapeHtml(proof.text)}</p>
<code class="command">${escapeHtml(proof.command)}</code>
<p>${escapeHtml(proof.keys)}</p>
${factsHtml(proof.facts, 'proof')}
</section>`;
}

function cellHtml({ text, amount, instant }: Cell): string {
  if (amount !== undefined) return `<data value="${escapeHtml(amount)}">${escapeHtml(text)}</data>`;
  if (instant !== undefined)
    return `<time datetime="${escapeHtml(instant)}">${escapeHtml(text)}</time>`;
  return text === '' ? '' : isolated(text);
}

// Names may be written from right to left.
function isolated(text: string): string {
  return `<bdi>${escapeHtml(text)}</bdi>`;
}
