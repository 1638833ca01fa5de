// A read replica: a standby of the database that answers what only reads. It is used while it follows the database closely, and for a
// read that must include a write only once it has replayed that write. In all other cases the database itself answers.

import DataLoader from 'dataloader';
import { invariant } from '../core/errors.ts';
import { bool, type Row, text } from './decode.ts';
import { KeptConnection } from './kept-connection.ts';
import { parsePosition, type Position } from './position.ts';

const LOOK_EVERY_MS = 250;
/** A replica that is further behind is not used. */
export const LAG_MAX_MS = 10_000;
const MARKS_MAX = (4 * LAG_MAX_MS) / LOOK_EVERY_MS;

/** Why a replica is not used, or that it is. */
export const replicaStates = {
  IN_USE: 'IN_USE',
  /** It does not answer, or a read on it failed since it was last looked at. */
  UNREACHABLE: 'UNREACHABLE',
  /** More than LAG_MAX_MS. */
  BEHIND: 'BEHIND',
  /** It is no standby (any more), or one of another database, or of one that this database has left behind. */
  NO_REPLICA: 'NO_REPLICA',
} as const;
export type ReplicaState = keyof typeof replicaStates;

/** What a gateway says of it. */
export const replicaSentences: Readonly<Record<ReplicaState, string>> = {
  IN_USE: 'The read replica of DATABASE_READ_URL answers reads.',
  UNREACHABLE:
    'The read replica of DATABASE_READ_URL does not answer: the database itself answers all reads.',
  BEHIND: `The read replica of DATABASE_READ_URL is more than ${LAG_MAX_MS / 1_000} s behind: the database itself answers all reads.`,
  NO_REPLICA:
    'What answers at DATABASE_READ_URL is no standby of the database, or left it at a failover: the database itself answers all reads.',
};

const OWN = `(select system_identifier from pg_control_system())::text as system,
  (select timeline_id from pg_control_checkpoint())::text as timeline`;
const ASK_REPLICA = `/* db.lookAtReplica */ select pg_is_in_recovery() as is_standby,
  coalesce(pg_last_wal_replay_lsn(), '0/0')::text as position, ${OWN}`;
// What is written, since an idle database's next place of insertion may lie behind what there is to replay.
const ASK_DATABASE = `/* db.lookAtDatabase */ select pg_current_wal_lsn()::text as position, ${OWN}`;
// What is inserted, since a commit that does not wait for the disk may not be written yet.
const ASK_POSITION = '/* db.position */ select pg_current_wal_insert_lsn()::text as position';

export interface ReplicaOptions {
  readonly databaseUrl: string;
  readonly replicaUrl: string;
  /** How much time has passed since some instant. */
  readonly passedMs?: () => number;
  /** Called when it was first looked at, and at each change. */
  readonly onChange?: ((state: ReplicaState) => void) | undefined;
}

/** Where the database was at an instant. */
interface Mark {
  readonly atMs: number;
  readonly position: Position;
}

export class Replica {
  private readonly replica: KeptConnection;
  private readonly database: KeptConnection;
  private readonly passedMs: () => number;
  private readonly positions: DataLoader<number, Position>;
  /** How many reads that it could have answered it answered, and how many the database itself did. */
  readonly reads = { replica: 0, database: 0 };
  /** Null until it was first looked at, so that one which never answered is told too. */
  private current: ReplicaState | null = null;
  private replayed: Position = 0n;
  /** When the database was where the replica is now, or later; null: not known. */
  private sameAtMs: number | null = null;
  /** Of the database, in the order of time, as far as the replica has not replayed. */
  private marks: Mark[] = [];
  private isLooking = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: ReplicaOptions) {
    this.replica = new KeptConnection(options.replicaUrl, 'billing-gateway replica');
    this.database = new KeptConnection(options.databaseUrl, 'billing-gateway position');
    this.passedMs = options.passedMs ?? ((): number => performance.now());
    // Those who wrote at the same time share one question, which is asked after all of them.
    this.positions = new DataLoader(
      async (askers) => {
        const position = positionOf(await this.database.ask(ASK_POSITION));
        return askers.map(() => position);
      },
      { cache: false },
    );
  }

  get state(): ReplicaState {
    return this.current ?? 'UNREACHABLE';
  }

  /** How far it is behind the database, at most; null when that is not known. */
  get lagMs(): number | null {
    return this.sameAtMs === null ? null : this.passedMs() - this.sameAtMs;
  }

  /** Whether it may answer a read that includes everything up to a position; null: whatever it has. */
  covers(position: Position | null): boolean {
    return this.current === 'IN_USE' && (position === null || position <= this.replayed);
  }

  /** A position that includes everything that was committed before the call. */
  position(): Promise<Position> {
    return this.positions.load(0);
  }

  /** It did not answer a read: it is not used until it was looked at again. */
  failed(): void {
    this.become('UNREACHABLE');
  }

  start(): void {
    this.timer ??= setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    await Promise.all([this.replica.stop(), this.database.stop()]);
  }

  /** Looks how far it is. Nobody needs to call this: it happens four times a second. */
  async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      this.become(await this.judge());
    } catch {
      this.forget();
      this.become('UNREACHABLE');
    } finally {
      this.isLooking = false;
    }
  }

  private async judge(): Promise<ReplicaState> {
    // In this order: what a replica has replayed cannot be ahead of a database that is asked later.
    const seen = await this.replica.ask(ASK_REPLICA);
    const now = await this.database.ask(ASK_DATABASE);
    const [replayed, position] = [positionOf(seen), positionOf(now)];
    if (!isStandbyOf(seen, now) || replayed > position) {
      this.forget();
      return 'NO_REPLICA';
    }
    this.replayed = replayed;
    // When there are as many, it is far behind already.
    if (this.marks.length < MARKS_MAX) this.marks.push({ atMs: this.passedMs(), position });
    while (this.marks[0] !== undefined && this.marks[0].position <= replayed) {
      this.sameAtMs = this.marks.shift()?.atMs ?? null;
    }
    return (this.lagMs ?? Infinity) > LAG_MAX_MS ? 'BEHIND' : 'IN_USE';
  }

  private forget(): void {
    this.marks = [];
    this.sameAtMs = null;
  }

  private become(state: ReplicaState): void {
    if (state === this.current) return;
    this.current = state;
    this.options.onChange?.(state);
  }
}

// A standby that went another way than the database since a failover has positions that mean something else.
function isStandbyOf(seen: Row, now: Row): boolean {
  const isSame = (column: string): boolean => text(seen, column) === text(now, column);
  return bool(seen, 'is_standby') && isSame('system') && isSame('timeline');
}

function positionOf(row: Row): Position {
  const position = parsePosition(text(row, 'position'));
  invariant(position !== null, 'PostgreSQL tells a position');
  return position;
}
