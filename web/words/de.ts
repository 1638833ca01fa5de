// Deutsch.

import type { Words } from './en.ts';

export const de: Words = {
  frame: {
    title: 'Verbrauch',
    skip: 'Zum Inhalt',
    tabs: 'Ansichten',
    tab: {
      overview: 'Übersicht',
      workflows: 'Workflows',
      models: 'Modelle',
      guardrails: 'Guardrails',
      'custom-scripts': 'Eigene Skripte',
      ocr: 'OCR',
      'browser-automation': 'Browser-Automatisierung',
      credits: 'Credits',
    },
    allAccounts: 'Alle Konten',
    theme: 'Farben',
    themes: { system: 'Wie das System', light: 'Hell', dark: 'Dunkel' },
    signOut: 'Abmelden',
    menu: 'Menü',
  },
  range: {
    label: 'Zeitraum',
    preset: {
      '24h': '24 Stunden',
      '7d': '7 Tage',
      '30d': '30 Tage',
      '90d': '90 Tage',
      cycle: 'Dieser Zyklus',
      'last-cycle': 'Letzter Zyklus',
    },
    custom: 'Eigener',
    from: 'Von',
    to: 'Bis',
    apply: 'Zeigen',
    cancel: 'Abbrechen',
    now: 'jetzt',
    resolved: (from, to, zone) => `${from} – ${to}, ${zone}`,
    zone: 'Zeitzone',
    accountZone: (zone) => `Die des Kontos: ${zone}`,
    browserZone: (zone) => `Die Ihres Browsers: ${zone}`,
    searchZones: 'Zeitzonen durchsuchen',
    invalid:
      'Wählen Sie einen ersten und einen letzten Tag; der erste liegt nicht nach dem letzten.',
  },
  credit: {
    credits: 'Credits',
    runs: 'Läufe',
    state: { OK: 'OK', LOW: 'Niedrig', EXHAUSTED: 'Aufgebraucht', STOPPED: 'Gestoppt' },
    left: (amount) => `${amount} übrig`,
    category: {
      MODELS: 'Modelle',
      GUARDRAILS: 'Guardrails',
      CUSTOM_SCRIPTS: 'Eigene Skripte',
      OCR: 'OCR',
      BROWSER_AUTOMATION: 'Browser-Automatisierung',
    },
    component: {
      HOSTING: 'Hosting',
      FINE_TUNING: 'Feinabstimmung',
      STORAGE: 'Speicher',
      PROCESSING: 'Verarbeitung',
    },
  },
  session: {
    signIn: 'Konto öffnen',
    signInText: 'Fügen Sie einen API-Schlüssel oder ein Portal-Token des Kontos ein.',
    token: 'Schlüssel oder Token',
    open: 'Öffnen',
    demo: 'Das Demo-Konto öffnen',
    ended: 'Die Sitzung ist beendet',
    endedText:
      'Das Token gilt nicht mehr. Öffnen Sie die Seite neu von dort, woher Sie kamen, oder fügen Sie ein anderes ein.',
  },
  state: {
    loading: 'Wird geladen',
    problem: 'Das konnte nicht geladen werden',
    reference: (id) => `Kennung: ${id}`,
    retry: 'Noch einmal versuchen',
    offline: 'Sie sind offline. Die Zahlen sind von vorher.',
    notFound: 'Dieses Konto gibt es nicht, oder das Token öffnet es nicht.',
    nothing: 'Hier ist nichts',
    wait: (seconds) => `Zu viele Anfragen. In ${seconds} s wieder.`,
  },
};
