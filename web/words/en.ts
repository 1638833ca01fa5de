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
  overview: {
    creditsUsed: 'Credits used',
    workflowRuns: 'Workflow runs',
    balance: 'Balance',
    of: (amount: string) => `of ${amount}`,
    percentUsed: (percent: string) => `${percent} used`,
    noneAllocated: 'None allocated in this range',
    allocated: (amount: string, count: string) =>
      `${amount} allocated in this range (${count} allocations)`,
    /** «+12.50 against 200.00 before». */
    before: (difference: string, amount: string) => `${difference} against ${amount} before`,
    beforeIs: (from: string, to: string) => `Before: ${from} – ${to}`,
    anHour: (amount: string) => `${amount} an hour`,
    burn: 'Burn',
    nothingRuns: 'Nothing runs',
    usedUpIn: 'Used up in',
    stopsIn: 'Deployments stop in',
    lasts: 'At this burn the balance lasts.',
    stopped: 'Deployments are stopped. A grant of credits lets them start again.',
    gauge: (left: string) => `${left} credits left, with the levels that matter`,
    lowLimit: 'Low limit',
    zero: 'Zero',
    negativeLimit: 'Negative limit',
    cycleEnd: 'Expected at the cycle’s end',
    byCategory: 'Credits by category',
    total: 'Total',
    trend: 'Usage over time',
    by: 'By',
    granularity: { auto: 'Automatic', hour: 'Hour', day: 'Day', week: 'Week', month: 'Month' },
    chart: 'Chart',
    table: 'Table',
    period: 'Period',
    credits: 'Credits',
    creditsChart: 'Credits over time',
    walk: 'Arrow keys walk the bars; Enter shows only that bar’s time.',
    partial: 'Hatched: only a part of it is in the range.',
    isPartial: 'partial',
    expected: 'expected',
    dashed: 'Dashed: expected.',
    hardware: 'Hardware',
    profile: 'Profile',
    time: 'Replica time',
    peak: 'Peak replicas',
    vcpus: (count: string) => `${count} vCPUs`,
    gpus: (count: string, model: string) => `${count} × ${model}`,
    noHardware: 'Nothing ran on hardware in this range.',
    projection: 'Projection to the cycle’s end',
    projected: (low: string, high: string) => `between ${low} and ${high}`,
    projectedLeft: (amount: string) => `${amount} left at the end`,
    cycleEnds: (instant: string) => `The cycle ends ${instant}`,
    projectionFrom: (instant: string) =>
      `There is enough history for a projection from ${instant}.`,
    projectionNever: 'There is not enough history for a projection in this cycle.',
    hostingAlone: (amount: string) => `What runs now will cost ${amount} until then.`,
    alerts: 'Latest alerts',
    noAlerts: 'No alerts so far.',
    unused: 'Nothing was used in this range',
    unusedText: 'Usage shows here within seconds after the platform reports it.',
    longer: 'Show 90 days',
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
