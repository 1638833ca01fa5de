import { describe, expect, it } from '@jest/globals';
import type {
  AlertWithCausePartsFragment,
  CreditBalancePartsFragment,
} from '@billing-gateway/client/operations';
import { LiveStore, type ReaderAct } from '../../web/live/live-store.ts';

const NOW = '2026-11-28T12:00:00.000Z';

/** The alert of a sequence, crossed a number of hours before now. */
function alert(sequence: number, hoursAgo = 0): AlertWithCausePartsFragment {
  const crossedAt = new Date(Date.parse(NOW) - hoursAgo * 3_600_000).toISOString();
  return {
    id: `alert-${sequence}`,
    sequence,
    cursor: `cursor-${sequence}`,
    kind: 'LOW_CREDITS',
    crossedAt,
    raisedAt: crossedAt,
    remaining: '10',
    percentUsed: 90,
    runsRemaining: null,
    measured: null,
    message: '',
    threshold: null,
    resolves: null,
  };
}

function balance(asOf: string, remaining = '100'): CreditBalancePartsFragment {
  return {
    asOf,
    allocated: '300',
    used: '200',
    remaining,
    percentUsed: 66.67,
    state: 'OK',
    burnRatePerHour: '3.6',
    exhaustsAt: null,
    stopsAt: null,
  };
}

/** A browser: what it keeps, and tabs that tell each other what the reader does. */
function browser(read: number | null = null): {
  readonly kept: () => number | null;
  readonly openTab: () => LiveStore;
} {
  let kept = read;
  const tabs: LiveStore[] = [];
  return {
    kept: () => kept,
    openTab: () => {
      const tab = new LiveStore({
        get: () => kept,
        set: (sequence) => {
          kept = sequence;
        },
      });
      tab.onAct = (act: ReaderAct) => {
        for (const other of tabs) if (other !== tab) other.acted(act);
      };
      tabs.push(tab);
      return tab;
    },
  };
}

const sequencesOf = (alerts: readonly AlertWithCausePartsFragment[]): number[] =>
  alerts.map(({ sequence }) => sequence);

describe('what is unread', () => {
  it('is at the first visit what was crossed in the last day', () => {
    const { openTab, kept } = browser();
    const tab = openTab();
    tab.found([alert(4, 49), alert(5, 24), alert(6, 23), alert(7, 1)], NOW);

    expect(tab.current().unread).toBe(2);
    expect(tab.current().toasts).toEqual([]);
    expect(kept()).toBe(5);
  });

  it('is at later visits what came since the bell was opened, however many are listed', () => {
    const tab = browser(3).openTab();
    tab.found([alert(39, 200), alert(40, 100)], NOW);
    expect(tab.current().unread).toBe(37);

    tab.current().markRead();
    expect(tab.current().unread).toBe(0);
  });

  it('is nothing where nothing was told yet; then the first alert is', () => {
    const tab = browser().openTab();
    tab.found([], NOW);
    expect([tab.current().unread, tab.cursor]).toEqual([0, null]);

    tab.streamed([alert(1)]);
    expect([tab.current().unread, tab.cursor]).toEqual([1, 'cursor-1']);
  });

  it('is read in all tabs once it is read in one, and stays so when the page is opened again', () => {
    const { openTab, kept } = browser(0);
    const [one, other] = [openTab(), openTab()];
    for (const tab of [one, other]) {
      tab.found([alert(1)], NOW);
      tab.streamed([alert(2)]);
    }
    one.current().markRead();

    expect(other.current()).toMatchObject({ unread: 0, toasts: [] });
    expect(kept()).toBe(2);
    const later = openTab();
    later.found([alert(1), alert(2), alert(3)], NOW);
    expect(later.current().unread).toBe(1);
  });
});

describe('a toast', () => {
  it('is for each alert that comes while the page is open, once, the newest three', () => {
    const tab = browser().openTab();
    tab.found([alert(1)], NOW);
    for (const sequence of [2, 3, 4, 5]) tab.streamed([alert(sequence)]);
    // A view's answer and a stream that begins again bring them once more.
    tab.found([alert(3), alert(4), alert(5)], NOW);
    tab.streamed([alert(2), alert(3)]);

    expect(sequencesOf(tab.current().toasts)).toEqual([5, 4, 3]);
    expect(sequencesOf(tab.current().alerts)).toEqual([5, 4, 3, 2, 1]);
  });

  it('that was dismissed is gone in every tab, and does not come again', () => {
    const { openTab } = browser(0);
    const [one, other] = [openTab(), openTab()];
    for (const tab of [one, other]) {
      tab.found([], NOW);
      tab.streamed([alert(1)]);
    }
    one.current().dismiss(1);
    one.streamed([alert(1)]);

    expect(one.current().toasts).toEqual([]);
    expect(other.current().toasts).toEqual([]);
    expect(other.current().unread).toBe(1);
  });

  it('is not for older alerts that another tab knows', () => {
    const tab = browser(0).openTab();
    tab.found([alert(30), alert(31)], NOW);
    tab.streamed([alert(28), alert(29), alert(30), alert(31)]);

    expect(tab.current().toasts).toEqual([]);
    expect(sequencesOf(tab.current().alerts)).toEqual([31, 30, 29, 28]);
    expect(tab.cursor).toBe('cursor-31');
  });
});

describe('the stream of alerts', () => {
  it('goes on after the last one that it brought, whatever views have answered since', () => {
    const tab = browser().openTab();
    tab.found([alert(7)], NOW);
    // The socket is down while 8 and 9 are raised; an answer has both, but it may not have all.
    tab.found([alert(9)], NOW);
    expect(tab.cursor).toBe('cursor-7');

    tab.streamed([alert(8)]);
    tab.streamed([alert(9)]);
    expect(tab.cursor).toBe('cursor-9');
    expect(sequencesOf(tab.current().alerts)).toEqual([9, 8, 7]);
    expect(sequencesOf(tab.current().toasts)).toEqual([9]);
  });
});

describe('the balance', () => {
  it('is the newest that came, by the server’s clock', () => {
    const tab = browser().openTab();
    tab.balanced(balance('2026-11-28T12:00:05.000Z', '99'), 1000);
    tab.balanced(balance('2026-11-28T12:00:00.000Z', '100'), 2000);

    expect(tab.current()).toMatchObject({ balance: { remaining: '99' }, receivedAtMs: 1000 });
  });

  it('of the same instant replaces the one before, and came no later', () => {
    const tab = browser().openTab();
    tab.balanced(balance(NOW, '100'), 1000);
    tab.balanced(balance(NOW, '600'), 9000);

    expect(tab.current()).toMatchObject({ balance: { remaining: '600' }, receivedAtMs: 1000 });
  });
});

it('tells its listeners what changed, and only that', () => {
  const tab = browser().openTab();
  let calls = 0;
  const stop = tab.subscribe(() => (calls += 1));
  tab.connected('interrupted');
  tab.connected('interrupted');
  expect([calls, tab.current().connection]).toEqual([1, 'interrupted']);

  stop();
  tab.connected('open');
  expect(calls).toBe(1);
});
