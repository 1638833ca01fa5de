import type { AlertKind, AlertPartsFragment } from '../api/operations.ts';
import type { Figures } from '../figures/figures.ts';
import type { Words } from '../words/words.ts';

/** What an alert says, in the reader's language. The gateway's own sentence is in English. */
export function alertText(words: Words, figures: Figures, alert: AlertPartsFragment): string {
  const text = words.live.alert;
  const left = figures.credits(alert.remaining);
  switch (alert.kind) {
    case 'LOW_CREDITS':
      return text.low(left);
    case 'CREDITS_EXHAUSTED':
      return text.exhausted;
    case 'NEGATIVE_LIMIT_REACHED':
      return text.stopped(left);
    case 'CREDIT_THRESHOLD':
      return creditsText(words, figures, alert);
    case 'RUN_THRESHOLD':
      return runsText(words, figures, alert);
    case 'STOP_EXPECTED':
      return alert.measured === null ? text.stopSoon : text.stopIn(figures.credits(alert.measured));
    case 'RESOLVED':
      return text.resolved(left);
  }
}

function creditsText({ live }: Words, figures: Figures, alert: AlertPartsFragment): string {
  const left = figures.credits(alert.remaining);
  return alert.percentUsed === null
    ? live.alert.creditsLeft(left)
    : live.alert.credits(left, figures.percent(alert.percentUsed));
}

function runsText({ live }: Words, figures: Figures, alert: AlertPartsFragment): string {
  const left = figures.count(alert.runsRemaining ?? 0);
  return alert.percentUsed === null
    ? live.alert.runsLeft(left)
    : live.alert.runs(left, figures.percent(alert.percentUsed));
}

/** The state whose colour an alert has. */
export function alertState(kind: AlertKind): 'OK' | 'LOW' | 'EXHAUSTED' | 'STOPPED' {
  switch (kind) {
    case 'RESOLVED':
      return 'OK';
    case 'CREDITS_EXHAUSTED':
      return 'EXHAUSTED';
    case 'NEGATIVE_LIMIT_REACHED':
      return 'STOPPED';
    case 'LOW_CREDITS':
    case 'CREDIT_THRESHOLD':
    case 'RUN_THRESHOLD':
    case 'STOP_EXPECTED':
      return 'LOW';
  }
}
