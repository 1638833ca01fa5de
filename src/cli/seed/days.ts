// The demo's calendar. Its story is written in days before the day of the first start ("ago"), so that it is always recent.
// Everything else follows from that day alone.

import { CYCLE_DAY_MAX } from '../../account/account.ts';
import { cycleStartMs, dayOf, dayStartMs, shiftCycleMs } from '../../core/calendar.ts';
import { DAY_MS, type Range } from '../../core/range.ts';

export const DEMO_ZONE = 'Europe/Berlin';
/** 13 months. */
export const HISTORY_DAYS = 395;
/** The running cycle began about this long before the first start: three whole weeks. */
export const RUNNING_CYCLE_DAYS = 21;
const WORKDAYS = 5;
const MINUTE_MS = 60_000;

/** One day of the story. */
export interface DemoDay {
  readonly ago: number;
  readonly startMs: number;
  /** First instant of the next day. */
  readonly endMs: number;
  readonly isWorkday: boolean;
  /** "2026-03-29" */
  readonly date: string;
  /** How much is going on; 1 is a workday at the end of the story. */
  readonly activity: number;
}

export class DemoDays {
  /** @param anchorDay number of the local day of the first start */
  constructor(private readonly anchorDay: number) {}

  /** The calendar of an account that the demo made, or is about to make. */
  static ofFirstStart(atMs: number): DemoDays {
    return new DemoDays(dayOf(DEMO_ZONE, atMs));
  }

  static ofCreation(createdAtMs: number): DemoDays {
    return new DemoDays(dayOf(DEMO_ZONE, createdAtMs) + HISTORY_DAYS);
  }

  get createdAtMs(): number {
    return this.at(HISTORY_DAYS, 9, 12);
  }

  /** The end of the first start's day: the story ends there. */
  get endMs(): number {
    return this.at(-1);
  }

  /** First day of the billing cycle. */
  get cycleDay(): number {
    return cycleDayOf(this.anchorDay - RUNNING_CYCLE_DAYS);
  }

  /** A local time of a day. No time of the story lies within the hours of a clock change. */
  at(ago: number, hour = 0, minute = 0): number {
    return dayStartMs(DEMO_ZONE, this.anchorDay - ago) + (hour * 60 + minute) * MINUTE_MS;
  }

  /**
   * The same on the last workday up to that day, up to two days before it. So days that must follow one another lie at least
   * three days apart: a Sunday and the Friday before it give the same workday.
   */
  workday(ago: number, hour: number, minute = 0): number {
    let workdayAgo = ago;
    while (!this.isWorkday(workdayAgo)) workdayAgo += 1;
    return this.at(workdayAgo, hour, minute);
  }

  isWorkday(ago: number): boolean {
    return this.weekday(ago) < WORKDAYS;
  }

  /** 0 is Monday. */
  weekday(ago: number): number {
    // Day 0, 1970-01-01, was a Thursday.
    return (this.anchorDay - ago + 3) % 7;
  }

  /** Days from one to another, both included: `all(10, 1)` are ten. */
  all(fromAgo: number, toAgo: number): readonly DemoDay[] {
    return Array.from({ length: fromAgo - toAgo + 1 }, (_, index) => this.day(fromAgo - index));
  }

  /** The billing cycles. The first one begins with the account; the last one is running. */
  cycles(): readonly Range[] {
    const cycles: Range[] = [];
    let startMs = cycleStartMs(DEMO_ZONE, this.cycleDay, this.createdAtMs);
    while (startMs < this.endMs) {
      const nextMs = shiftCycleMs(DEMO_ZONE, this.cycleDay, { startMs, cycles: 1 });
      cycles.push({ fromMs: Math.max(startMs, this.createdAtMs), toMs: nextMs });
      startMs = nextMs;
    }
    return cycles;
  }

  private day(ago: number): DemoDay {
    const date = new Date((this.anchorDay - ago) * DAY_MS).toISOString().slice(0, 10);
    const isWorkday = this.isWorkday(ago);
    const growth = 0.55 + (0.45 * (HISTORY_DAYS - ago)) / HISTORY_DAYS;
    const rush = isRush(ago) ? 1.7 : 1;
    const calm = isBetweenTheYears(date) ? 0.4 : 1;
    return {
      ago,
      startMs: this.at(ago),
      endMs: this.at(ago - 1),
      isWorkday,
      date,
      activity: growth * rush * calm,
    };
  }
}

/**
 * The cycle day of an account whose cycle begins about that day (numbered from 1970-01-01): up to two days earlier, or one day
 * later.
 * @returns 1 to 28: the 29th and 30th round to the 28th, the 31st to the next 1st
 */
export function cycleDayOf(day: number): number {
  const ofMonth = new Date(day * DAY_MS).getUTCDate();
  return ofMonth > CYCLE_DAY_MAX + 2 ? 1 : Math.min(ofMonth, CYCLE_DAY_MAX);
}

/** The two weeks of the big sale. */
export const RUSH_FROM_AGO = 131;
export const RUSH_TO_AGO = 118;

function isRush(ago: number): boolean {
  return ago <= RUSH_FROM_AGO && ago >= RUSH_TO_AGO;
}

function isBetweenTheYears(date: string): boolean {
  const monthAndDay = date.slice(5);
  return monthAndDay >= '12-24' || monthAndDay <= '01-01';
}
