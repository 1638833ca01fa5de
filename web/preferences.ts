// What the reader or the embedding platform prefers: theme and language. `?theme=` and `?lang=` of the first address hold for
// the browser tab; a theme that the reader chooses holds for the browser.

import { useSyncExternalStore } from 'react';
import { forget, keep, recall } from './storage.ts';
import { chooseLanguage, type ReaderLanguage } from './words/words.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const THEME = 'usage.theme';
const ASKED_THEME = 'usage.asked-theme';
const ASKED_LANGUAGE = 'usage.asked-language';

const listeners = new Set<() => void>();
let theme: Theme = 'system';
let language: ReaderLanguage = { language: 'en', locale: 'en' };

/** Reads the preferences and applies them to the document; before anything is drawn. */
export function startPreferences(): void {
  const query = new URLSearchParams(window.location.search);
  keepAsked(ASKED_THEME, query.get('theme'));
  keepAsked(ASKED_LANGUAGE, query.get('lang'));
  const asked = recall('session', ASKED_THEME) ?? recall('local', THEME);
  theme = THEMES.find((one) => one === asked) ?? 'system';
  language = chooseLanguage(recall('session', ASKED_LANGUAGE), navigator.languages);
  document.documentElement.lang = language.language;
  apply();
}

function keepAsked(name: string, value: string | null): void {
  if (value !== null) keep('session', name, value);
}

function apply(): void {
  document.documentElement.dataset['theme'] = theme;
}

/** The reader's choice of a theme. */
export function chooseTheme(chosen: Theme): void {
  theme = chosen;
  forget('session', ASKED_THEME);
  keep('local', THEME, chosen);
  apply();
  for (const listener of listeners) listener();
}

/** The theme; changes with the reader's choice. */
export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => theme,
  );
}

/** The reader's language, and the locale of figures. */
export function readerLanguage(): ReaderLanguage {
  return language;
}
