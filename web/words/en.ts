// English, and what every other language has to say.

import type { Preset, Tab } from '../address/address.ts';

export const en = {
  frame: {
    title: 'Usage',
    skip: 'Skip to content',
    tabs: 'Views',
    tab: {
      overview: 'Overview',
      workflows: 'Workflows',
      models: 'Models',
      guardrails: 'Guardrails',
      'custom-scripts': 'Custom scripts',
      ocr: 'OCR',
      'browser-automation': 'Browser automation',
      credits: 'Credits',
    } satisfies Record<Tab, string>,
    allAccounts: 'All accounts',
    theme: 'Theme',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    signOut: 'Sign out',
    menu: 'Menu',
  },
  range: {
    label: 'Range',
    preset: {
      '24h': '24 hours',
      '7d': '7 days',
      '30d': '30 days',
      '90d': '90 days',
      cycle: 'This cycle',
      'last-cycle': 'Last cycle',
    } satisfies Record<Preset, string>,
    custom: 'Custom',
    from: 'From',
    to: 'To',
    apply: 'Show',
    cancel: 'Cancel',
    now: 'now',
    /** Of the resolved range: «29 Oct 2026, 00:00 – now, Europe/Berlin». */
    resolved: (from: string, to: string, zone: string) => `${from} – ${to}, ${zone}`,
    zone: 'Time zone',
    accountZone: (zone: string) => `The account’s: ${zone}`,
    browserZone: (zone: string) => `Your browser’s: ${zone}`,
    searchZones: 'Search time zones',
    invalid: 'Choose a first and a last day, the first not after the last.',
  },
  credit: {
    credits: 'credits',
    runs: 'runs',
    state: { OK: 'OK', LOW: 'Low', EXHAUSTED: 'Used up', STOPPED: 'Stopped' },
    left: (amount: string) => `${amount} left`,
    category: {
      MODELS: 'Models',
      GUARDRAILS: 'Guardrails',
      CUSTOM_SCRIPTS: 'Custom scripts',
      OCR: 'OCR',
      BROWSER_AUTOMATION: 'Browser automation',
    },
    component: {
      HOSTING: 'Hosting',
      FINE_TUNING: 'Fine-tuning',
      STORAGE: 'Storage',
      PROCESSING: 'Processing',
    },
  },
  session: {
    signIn: 'Open an account',
    signInText: 'Paste an API key or a portal token of the account.',
    token: 'Key or token',
    open: 'Open',
    demo: 'Open the demo account',
    ended: 'The session has ended',
    endedText:
      'The token is no longer valid. Open the page anew from where you came, or paste another one.',
  },
  state: {
    loading: 'Loading',
    problem: 'This could not be loaded',
    reference: (id: string) => `Reference: ${id}`,
    retry: 'Try again',
    offline: 'You are offline. Figures are of before.',
    notFound: 'There is no such account, or the token does not open it.',
    nothing: 'Nothing here',
    wait: (seconds: string) => `Too many requests. Try again in ${seconds} s.`,
  },
} as const satisfies Record<string, unknown>;

/** The same keys with other texts. */
type Translated<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...args: infer A) => string
      ? (...args: A) => string
      : Translated<T[K]>;
};

export type Words = Translated<typeof en>;
