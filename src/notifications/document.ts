// The content of an email, as paragraphs, tables and lists, and its two forms: plain text, and HTML for clients that know inline
// styles and tables only. Names come from outside: in HTML everything is escaped, and a subject is one line.

import { escapeHtml } from '../core/html.ts';
import { oneLine } from '../core/text.ts';
import type { EmailContent, EmailKind } from './email.ts';

export interface Row {
  readonly label: string;
  readonly value: string;
  /** An http or https address that the value links to. */
  readonly href?: string;
}

export interface Section {
  readonly title: string;
  readonly paragraphs?: readonly string[];
  readonly rows?: readonly Row[];
  readonly items?: readonly string[];
}

export interface EmailDocument {
  readonly kind: EmailKind;
  readonly subject: string;
  readonly sections: readonly Section[];
  /** Http or https; null: no link. */
  readonly usageUrl: string | null;
  /** Who gets the email, and why. */
  readonly footer: string;
}

/** The colour of each kind shows how serious it is: red, amber, blue, green. */
const COLOURS: Readonly<Record<EmailKind, string>> = {
  NEGATIVE_LIMIT_REACHED: '#b42318',
  CREDITS_EXHAUSTED: '#b42318',
  LOW_CREDITS: '#b54708',
  STOP_EXPECTED: '#b54708',
  CREDIT_USAGE: '#175cd3',
  RUN_USAGE: '#175cd3',
  DEPLOYMENT_STOPPED: '#475467',
  DEPLOYMENT_STARTED: '#175cd3',
  RESOLVED: '#067647',
  WEBHOOK_DISABLED: '#b54708',
};

const SUBJECT_MAX = 200;
const LINK_LABEL = 'Usage page';

export function contentOf(document: EmailDocument): EmailContent {
  return {
    kind: document.kind,
    subject: cut(oneLine(document.subject), SUBJECT_MAX),
    text: textOf(document),
    html: htmlOf(document),
  };
}

function cut(text: string, max: number): string {
  return text.length > max
    ? `${text
        .slice(0, max - 1)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`
    : text;
}

function textOf({ subject, sections, usageUrl, footer }: EmailDocument): string {
  const parts = sections.map(({ title, paragraphs = [], rows = [], items = [] }) => {
    const heading = oneLine(title);
    const width = Math.max(0, ...rows.map((row) => row.label.length + 1));
    return [
      [heading, '-'.repeat(Math.min(heading.length, 72))].join('\n'),
      ...paragraphs.map(oneLine),
      rows.map((row) => `${`${row.label}:`.padEnd(width)} ${oneLine(row.value)}`).join('\n'),
      items.map((item) => `- ${oneLine(item)}`).join('\n'),
    ]
      .filter((part) => part !== '')
      .join('\n\n');
  });
  const link = usageUrl === null ? [] : [`${LINK_LABEL}: ${usageUrl}`];
  return `${[oneLine(subject), ...parts, ...link, `-- \n${oneLine(footer)}`].join('\n\n')}\n`;
}

const FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

function htmlOf(document: EmailDocument): string {
  const { kind, subject, sections, usageUrl, footer } = document;
  const title = escapeHtml(oneLine(subject));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
</head>
<body style="margin:0;padding:0;background:#f2f4f7">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f2f4f7">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px;background:#ffffff;border-top:4px solid ${COLOURS[kind]}">
<tr><td style="padding:24px 28px 4px;${FONT}">
<h1 style="margin:0;font-size:20px;line-height:28px;color:#101828">${title}</h1>
</td></tr>
${[...sections.map(sectionHtml), ...(usageUrl === null ? [] : [linkHtml(usageUrl)])].join('\n')}
<tr><td style="padding:16px 28px 24px;${FONT};font-size:12px;line-height:18px;color:#667085">${escapeHtml(oneLine(footer))}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

function sectionHtml({ title, paragraphs = [], rows = [], items = [] }: Section): string {
  const parts = [
    `<h2 style="margin:0 0 8px;font-size:15px;line-height:22px;color:#101828">${escapeHtml(oneLine(title))}</h2>`,
    ...paragraphs.map(
      (text) =>
        `<p style="margin:0 0 10px;font-size:14px;line-height:21px;color:#344054">${escapeHtml(oneLine(text))}</p>`,
    ),
    ...(rows.length > 0
      ? [
          `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="font-size:14px;line-height:21px">
${rows.map(rowHtml).join('\n')}
</table>`,
        ]
      : []),
    ...(items.length > 0
      ? [
          `<ul style="margin:8px 0 0;padding-left:20px;font-size:14px;line-height:21px;color:#344054">
${items.map((item) => `<li>${escapeHtml(oneLine(item))}</li>`).join('\n')}
</ul>`,
        ]
      : []),
  ];
  return `<tr><td style="padding:16px 28px 4px;${FONT}">
${parts.join('\n')}
</td></tr>`;
}

function linkHtml(usageUrl: string): string {
  return `<tr><td style="padding:16px 28px 4px;${FONT};font-size:14px;line-height:21px;color:#344054">${LINK_LABEL}: ${anchor(usageUrl, escapeHtml(usageUrl))}</td></tr>`;
}

function anchor(href: string, shownHtml: string): string {
  return `<a href="${escapeHtml(href)}" style="color:#175cd3">${shownHtml}</a>`;
}

function rowHtml({ label, value, href }: Row): string {
  const shown = escapeHtml(oneLine(value));
  const isLink = href !== undefined && /^https?:\/\//i.test(href);
  const content = isLink ? anchor(href, shown) : shown;
  return `<tr><td style="padding:4px 12px 4px 0;border-bottom:1px solid #eaecf0;color:#667085;vertical-align:top;width:40%">${escapeHtml(label)}</td><td style="padding:4px 0;border-bottom:1px solid #eaecf0;color:#101828;vertical-align:top;word-break:break-word">${content}</td></tr>`;
}
