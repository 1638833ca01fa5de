// The forms in which a statement is given: as it was signed, and as prints of it in a language.

import { createHash } from 'node:crypto';
import { parseChoice } from '../core/check.ts';
import type { Parameters } from '../exports/request.ts';
import { statementHtml, STATEMENT_STYLE } from '../statements/html.ts';
import { statementPdf } from '../statements/pdf.service.ts';
import { readSigned } from '../statements/read.ts';
import type { StoredStatement } from '../statements/statement.ts';
import { signedText } from '../statements/statements.service.ts';
import { type Language, languages } from '../statements/words.ts';
import { mediaRange } from './exports.ts';

/** A statement in one form. */
export interface Rendered {
  readonly contentType: string;
  readonly body: string | Buffer;
  /** Other headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a caller wishes of a form. */
export interface Wishes {
  readonly parameters: Parameters;
  readonly acceptLanguage: string | undefined;
}

export interface Form {
  /** What asking for it costs. */
  readonly points: number;
  readonly render: (statement: StoredStatement, wishes: Wishes) => Rendered | Promise<Rendered>;
}

/** By the extension of a statement's address. */
export const statementForms: Readonly<Record<string, Form>> = {
  json: {
    points: 20,
    render: (statement) => ({
      contentType: 'application/json; charset=utf-8',
      body: signedText(statement),
      headers: {
        'content-disposition': `attachment; filename="statement-${statement.number}.json"`,
      },
    }),
  },
  html: {
    points: 20,
    render: (statement, wishes) => ({
      contentType: 'text/html; charset=utf-8',
      body: statementHtml(signedOf(statement), languageOf(wishes)),
      headers: { ...printHeaders(statement, 'html', wishes), ...HTML_HEADERS },
    }),
  },
  pdf: {
    points: 200,
    render: async (statement, wishes) => ({
      contentType: 'application/pdf',
      body: await statementPdf(signedOf(statement), languageOf(wishes)),
      headers: printHeaders(statement, 'pdf', wishes),
    }),
  },
};

/** It needs its one style, and may nothing else. */
const HTML_HEADERS = {
  'content-security-policy': [
    `default-src 'none'`,
    `style-src 'sha256-${createHash('sha256').update(STATEMENT_STYLE).digest('base64')}'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; '),
  'referrer-policy': 'no-referrer',
};

function signedOf({
  text,
  sha256,
  keyId,
  signature,
}: StoredStatement): ReturnType<typeof readSigned> {
  const document: unknown = JSON.parse(text);
  return readSigned({ document, sha256, keyId, signature });
}

// Shown where it is opened, unless the caller says that it is to be kept.
function printHeaders(
  { number }: StoredStatement,
  extension: string,
  { parameters }: Wishes,
): Readonly<Record<string, string>> {
  const isKept = choice(parameters, 'download', { true: 'true', false: 'false' }) === 'true';
  return {
    'content-disposition': `${isKept ? 'attachment' : 'inline'}; filename="statement-${number}.${extension}"`,
    vary: 'accept-language',
  };
}

/** The language asked for, else the one that the caller's browser prefers, else English. @throws UserInputError */
export function languageOf({ parameters, acceptLanguage = '' }: Wishes): Language {
  const asked = choice(parameters, 'lang', languages);
  if (asked !== null) return asked;
  const preferred = acceptLanguage
    .split(',')
    .map(mediaRange)
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ name }) => name.split('-', 1)[0]);
  const known = Object.values(languages);
  return preferred.flatMap((name) => known.find((one) => one === name) ?? [])[0] ?? 'en';
}

function choice<T extends string>(
  parameters: Parameters,
  name: string,
  set: Readonly<Record<T, T>>,
): T | null {
  const value = parameters[name];
  return value === undefined ? null : parseChoice(String(value), set, [name]);
}
