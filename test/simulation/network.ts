// What happens to messages on their way, and the connections that can be cut.

import type { Chance } from '../faults/chance.ts';
import type { Connection } from './connection.ts';
import { Server } from './server.ts';
import { type Process, timeline } from './time.ts';

const LOST_ANSWERS = 0.000_5;
const LOST_COMMITS = 0.001;
const LOST_NOTICES = 0.02;
const LATE_NOTICES = 0.1;

export class Network {
  readonly server = new Server();
  readonly connections = new Set<Connection>();
  /** Whether anything is lost or late. */
  isFaulty = false;
  lostAnswers = 0;
  lostCommits = 0;
  slowUntilMs = 0;
  private readonly cutOff = new Map<Process, number>();

  constructor(private readonly chance: Chance) {}

  /** How long a message is under way. */
  delayMs(): number {
    const mostMs = this.isFaulty && timeline().nowMs < this.slowUntilMs ? 900 : 2;
    return 0.05 + (this.chance.whole(0, 10_000) / 10_000) * mostMs;
  }

  noticeDelayMs(): number {
    const isLate = this.isFaulty && this.chance.happens(LATE_NOTICES);
    return this.delayMs() + (isLate ? this.chance.whole(0, 20_000) : 0);
  }

  losesNotice(): boolean {
    return this.isFaulty && this.chance.happens(LOST_NOTICES);
  }

  losesAnswer(toCommit: boolean): boolean {
    const isLost = this.isFaulty && this.chance.happens(toCommit ? LOST_COMMITS : LOST_ANSWERS);
    if (isLost && toCommit) this.lostCommits += 1;
    else if (isLost) this.lostAnswers += 1;
    return isLost;
  }

  /** Nothing comes through between a gateway and the database, and nobody is told. */
  cutOffFor(process: Process, durationMs: number): void {
    this.cutOff.set(process, timeline().nowMs + durationMs);
  }

  isCutOff(process: Process): boolean {
    return (this.cutOff.get(process) ?? 0) > timeline().nowMs;
  }

  /** The connections of a gateway; null: of all. */
  of(process: Process | null): readonly Connection[] {
    return [...this.connections].filter(({ owner }) => process === null || owner === process);
  }
}

let present: Network | null = null;

/** The network of the simulation that runs. */
export function network(): Network {
  if (present === null) throw new Error('there is no network');
  return present;
}

export function connect(chance: Chance): Network {
  present = new Network(chance);
  return present;
}
