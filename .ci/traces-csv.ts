// What the traces must add up to, by the simplest code that can be right: every figure is a loop over all rows of the
// CSV files. It shares nothing with the gateway.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Job {
  readonly id: string;
  readonly model: string;
  readonly gpus: bigint;
  readonly fromMs: number;
  readonly toMs: number;
}
export interface Request {
  readonly atMs: number;
  readonly tokens: bigint;
}
export interface Window {
  readonly client: string;
  readonly atMs: number;
  readonly requests: bigint;
  readonly images: bigint;
}

/** Where the script puts the traces' times. */
export interface Bases {
  /** Instant of the first GPU job. */
  readonly jobsMs: number;
  /** Days of 24 hours added to the LLM requests. */
  readonly requestsShiftDays: number;
  /** Instant of the first window of image requests. */
  readonly windowsMs: number;
}

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Micro-credits, milliseconds, and counts within a range. */
export interface Totals {
  readonly hosting: bigint;
  readonly llm: bigint;
  readonly ocr: bigint;
  readonly hostedMs: bigint;
  readonly replicaMs: bigint;
  readonly tokens: bigint;
  readonly images: bigint;
  readonly runs: bigint;
}

export const FILES = {
  jobs: 'philly_gpu_jobs.csv',
  requests: 'azure_llm_code.csv',
  windows: 'servegen_image_requests.csv',
} as const;
/** Prices of the check: one credit per GPU and hour, 0.0000025 a token, 0.002 an image. */
export const PRICES = { hour: '1', token: '0.0000025', image: '0.002' } as const;
const DAY_MS = 86_400_000;

export class Traces {
  private constructor(
    readonly jobs: readonly Job[],
    readonly requests: readonly Request[],
    readonly windows: readonly Window[],
  ) {}

  static async read(folder: string, bases: Bases): Promise<Traces> {
    const jobs = await rows(join(folder, FILES.jobs));
    const requests = await rows(join(folder, FILES.requests));
    const windows = await rows(join(folder, FILES.windows));
    return new Traces(
      jobs.map(([id = '', gpus = '', submit = '', , model = '', , duration = '']) => {
        const fromMs = bases.jobsMs + Number(submit);
        return { id, model, gpus: BigInt(gpus), fromMs, toMs: fromMs + Number(duration) };
      }),
      requests.map(([timestamp = '', context = '', generated = '']) => ({
        // "2023-11-16 18:17:03.9799600" without its last four digits is an instant in milliseconds.
        atMs:
          Date.parse(`${timestamp.slice(0, 23).replace(' ', 'T')}Z`) +
          bases.requestsShiftDays * DAY_MS,
        tokens: BigInt(context) + BigInt(generated),
      })),
      windows.map(([client = '', start = '', , , count = '', , images = '']) => ({
        client,
        atMs: bases.windowsMs + Number(start) * 1000,
        requests: BigInt(count),
        images: BigInt(images),
      })),
    );
  }

  totals(range: Range): Totals {
    const requests = this.requests.filter(({ atMs }) => isWithin(atMs, range));
    const windows = this.windows.filter(({ atMs }) => isWithin(atMs, range));
    return {
      ...hostingTotals(this.jobs, range),
      llm: sum(requests.map(({ tokens }) => tokensMicro(tokens))),
      ocr: sum(windows.map(({ images }) => imagesMicro(images))),
      tokens: sum(requests.map(({ tokens }) => tokens)),
      images: sum(windows.map(({ images }) => images)),
      runs: BigInt(requests.length) + sum(windows.map(({ requests: count }) => count)),
    };
  }

  /** Image requests, images and their micro-credits by client. */
  clients(range: Range): ReadonlyMap<string, { requests: bigint; images: bigint; micro: bigint }> {
    const names = new Set(this.windows.map(({ client }) => client));
    const within = this.windows.filter(({ atMs }) => isWithin(atMs, range));
    return new Map(
      [...names].map((name) => {
        const own = within.filter(({ client }) => client === name);
        return [
          name,
          {
            requests: sum(own.map(({ requests }) => requests)),
            images: sum(own.map(({ images }) => images)),
            micro: sum(own.map(({ images }) => imagesMicro(images))),
          },
        ];
      }),
    );
  }

  /** The most GPUs held at one instant. */
  peakGpus(): bigint {
    const changes = this.jobs.flatMap(({ fromMs, toMs, gpus }) => [
      { atMs: fromMs, by: gpus },
      { atMs: toMs, by: -gpus },
    ]);
    // What ends at an instant is gone before what begins at it.
    changes.sort((a, b) => a.atMs - b.atMs || Number(a.by - b.by));
    let held = 0n;
    let peak = 0n;
    for (const { by } of changes) {
      held += by;
      if (held > peak) peak = held;
    }
    return peak;
  }
}

/** What jobs cost and how long they ran within a range. */
export function hostingTotals(
  jobs: readonly Job[],
  range: Range,
): Pick<Totals, 'hosting' | 'hostedMs' | 'replicaMs'> {
  const ran = jobs.map((job) => BigInt(ranMs(job, range.toMs) - ranMs(job, range.fromMs)));
  return {
    hosting: sum(
      jobs.map((job) => chargedMicro(job, range.toMs) - chargedMicro(job, range.fromMs)),
    ),
    hostedMs: sum(ran),
    replicaMs: sum(jobs.map((job, index) => job.gpus * (ran[index] ?? 0n))),
  };
}

/** Micro-credits as the API prints them. */
export function credits(micro: bigint): string {
  const digits = micro.toString().padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0+$/, '');
  return digits.slice(0, -6) + (fraction === '' ? '' : `.${fraction}`);
}

export function sum(addends: readonly bigint[]): bigint {
  return addends.reduce((total, addend) => total + addend, 0n);
}

async function rows(file: string): Promise<string[][]> {
  const lines = (await readFile(file, 'utf8')).split(/\r?\n/).filter((line) => line !== '');
  return lines.slice(1).map((line) => line.split(','));
}

function isWithin(atMs: number, range: Range): boolean {
  return atMs >= range.fromMs && atMs < range.toMs;
}

function ranMs(job: Job, untilMs: number): number {
  return Math.max(0, Math.min(untilMs, job.toMs) - job.fromMs);
}

function chargedMicro(job: Job, untilMs: number): bigint {
  return (job.gpus * 1_000_000n * BigInt(ranMs(job, untilMs))) / 3_600_000n;
}

function tokensMicro(tokens: bigint): bigint {
  // 2.5 micro-credits a token, half up.
  return (tokens * 5n + 1n) / 2n;
}

function imagesMicro(images: bigint): bigint {
  return images * 2_000n;
}
