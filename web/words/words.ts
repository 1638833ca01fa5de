// All text that a person reads stands in one file a language. The English one says what there is.

import { createContext, useContext } from 'react';
import { de } from './de.ts';
import { en, type Words } from './en.ts';

export type { Words };

export const LANGUAGES = { en, de } as const satisfies Record<string, Words>;
export type Language = keyof typeof LANGUAGES;

function isLanguage(text: string): text is Language {
  return text in LANGUAGES;
}

export interface ReaderLanguage {
  readonly language: Language;
  /** Of figures: a region may write them its own way. */
  readonly locale: string;
}

/**
 * The language and the locale of figures, from what the address asks for and what the browser prefers, best first. A locale
 * that Intl does not take ("en-US@posix", of a browser without a screen) is cleaned or left out.
 */
export function chooseLanguage(asked: string | null, preferred: readonly string[]): ReaderLanguage {
  const locales = preferred.map(cleaned).filter((locale) => locale !== null);
  const languages = [asked ?? '', ...locales].map((locale) => locale.split('-')[0] ?? '');
  const language = languages.find(isLanguage) ?? 'en';
  return { language, locale: locales.find((one) => one.split('-')[0] === language) ?? language };
}

function cleaned(locale: string): string | null {
  try {
    return Intl.getCanonicalLocales(locale.split('@')[0])[0] ?? null;
  } catch {
    return null;
  }
}

export const WordsContext = createContext<Words>(en);

/** The words of the reader's language. */
export function useWords(): Words {
  return useContext(WordsContext);
}
