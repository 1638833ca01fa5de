// Loads three public traces of real usage into a gateway of its own with the import command, and compares what the API
// answers with sums taken straight from the CSV files. Run from the project's root: npx tsx .ci/traces.ts
// The traces are looked for in ../shared/data, or in TRACES_DIR.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Temporal } from 'temporal-polyfill';
import { SystemClock } from '../src/core/clock.ts';
import { iso } from './traces-answers.ts';
import { checkViews, type Checked } from './traces-checks.ts';
import { FILES, PRICES, Traces, type Bases } from './traces-csv.ts';
import { Gateway, get, runScript, text } from './traces-gateway.ts';

const ZONE = 'Europe/Berlin';
const HARDWARE = 'traces-gpu-1';
/** Of the CSV files; each import's count of events. */
const COUNTS = { jobs: 5755, requests: 8819, windows: 2094 } as const;

interface Load {
  readonly name: string;
  readonly file: string;
  readonly events: number;
  readonly flags: readonly string[];
}

let passed = 0;
let failed = 0;

const folder = await mkdtemp(join(tmpdir(), 'traces-'));
try {
  await main();
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function main(): Promise<void> {
  const today = Temporal.Instant.fromEpochMilliseconds(new SystemClock().nowMs())
    .toZonedDateTimeISO(ZONE)
    .startOfDay();
  const bases = basesOf(today);
  const dataFolder = process.env['TRACES_DIR'] ?? '../shared/data';
  const traces = await Traces.read(dataFolder, bases);
  const gateway = await Gateway.start(folder);
  try {
    const accountId = await prepare(gateway, today);
    const loads = loadsOf(bases);
    for (const load of loads) await runLoad(gateway, dataFolder, load, 'accepted');
    const range = { fromMs: bases.jobsMs, toMs: today.epochMilliseconds };
    await checkViews({ gateway, accountId, traces, range, zone: ZONE, check });
    for (const load of loads) await runLoad(gateway, dataFolder, load, 'doubled');
    await checkViews({ gateway, accountId, traces, range, zone: ZONE, check, isBrief: true });
  } finally {
    await gateway.stop();
  }
}

/** All times end before now and begin within 400 days, and the GPU jobs run across a change of the clocks. */
function basesOf(today: Temporal.ZonedDateTime): Bases {
  const latestEnd = today.subtract({ days: 160 });
  const clockChange = latestEnd.getTimeZoneTransition('previous') ?? latestEnd;
  const recorded = Temporal.PlainDate.from('2023-11-16');
  const shown = today.toPlainDate().subtract({ days: 30 });
  return {
    jobsMs: clockChange.startOfDay().subtract({ days: 5 }).epochMilliseconds,
    requestsShiftDays: recorded.until(shown, { largestUnit: 'day' }).days,
    windowsMs: today.subtract({ days: 45 }).epochMilliseconds,
  };
}

async function prepare(gateway: Gateway, today: Temporal.ZonedDateTime): Promise<string> {
  const createdAt = iso(today.subtract({ days: 395 }).epochMilliseconds);
  const input = { name: 'Traces', externalId: 'traces', timeZone: ZONE, createdAt };
  const created = await gateway.ask(
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { id } }',
    { input },
  );
  await gateway.ask(
    'mutation ($input: CreateHardwareProfileInput!) { createHardwareProfile(input: $input) { id } }',
    {
      input: {
        ...{ name: HARDWARE, kind: 'GPU', model: 'P100', vcpus: 6, gpus: 1, memoryGb: 16 },
        creditsPerHour: PRICES.hour,
      },
    },
  );
  return text(get(created, 'createAccount'), 'id');
}

function loadsOf(bases: Bases): readonly Load[] {
  const windows = [
    ...['--event-id', '={client_id}-{window_start_s}', '--at', 'window_start_s'],
    ...['--time-unit', 's', '--base', iso(bases.windowsMs), '--where', 'requests>0'],
  ];
  const requests = ['--event-id', '={#}', '--at', 'TIMESTAMP'];
  const shift = ['--shift-days', bases.requestsShiftDays.toString()];
  return [
    {
      name: 'GPU jobs as hosting',
      file: FILES.jobs,
      events: COUNTS.jobs,
      flags: [
        ...['--as', 'hosting', '--source', '=philly', '--event-id', 'job_id'],
        ...['--kind', '=MODEL_DEPLOYMENT', '--resource', '=job-{job_id}', '--model', 'model_name'],
        ...['--hardware', `=${HARDWARE}`, '--replicas', 'num_gpu', '--from', 'submit_time'],
        ...['--duration', 'duration', '--time-unit', 'ms', '--base', iso(bases.jobsMs)],
      ],
    },
    {
      name: 'LLM requests as workflow runs',
      file: FILES.requests,
      events: COUNTS.requests,
      flags: [
        ...['--as', 'usage', '--source', '=azure-runs', '--type', '=WORKFLOW_RUN'],
        ...['--resource', '=code-assistant', ...requests, ...shift],
      ],
    },
    {
      name: 'LLM requests as processing',
      file: FILES.requests,
      events: COUNTS.requests,
      flags: [
        ...['--as', 'usage', '--source', '=azure-tokens', '--type', '=PROCESSING'],
        ...['--kind', '=MODEL_DEPLOYMENT', '--resource', '=llm', '--model', '=azure-code'],
        ...['--quantity', 'ContextTokens+GeneratedTokens', '--credits-per-unit', PRICES.token],
        ...[...requests, ...shift],
      ],
    },
    {
      name: 'images as OCR pages',
      file: FILES.windows,
      events: COUNTS.windows,
      flags: [
        ...['--as', 'usage', '--source', '=servegen-images', '--type', '=PROCESSING'],
        ...['--kind', '=OCR_DEPLOYMENT', '--resource', '=client-{client_id}', '--ocr-model'],
        ...['=Qwen-VL', '--quantity', 'images', '--credits-per-unit', PRICES.image, ...windows],
      ],
    },
    {
      name: 'image requests as workflow runs',
      file: FILES.windows,
      events: COUNTS.windows,
      flags: [
        ...['--as', 'usage', '--source', '=servegen-runs', '--type', '=WORKFLOW_RUN'],
        ...['--resource', '=client-{client_id}', '--quantity', 'requests', ...windows],
      ],
    },
  ];
}

async function runLoad(
  gateway: Gateway,
  dataFolder: string,
  load: Load,
  outcome: 'accepted' | 'doubled',
): Promise<void> {
  const connection = ['--url', gateway.url, '--key', gateway.key];
  const { status, output } = await runScript('src/cli/import.ts', [
    ...[join(dataFolder, load.file), ...connection, '--account-external-id', 'traces'],
    ...['--register', '--batch', '2500', '--rejected', join(folder, `${load.name}.csv`)],
    ...load.flags,
  ]);
  const counted = ['accepted', 'doubled', 'in conflict', 'rejected'].map((name) => [
    name,
    new RegExp(`^${name} +(\\d+)$`, 'm').exec(output)?.[1] ?? output,
  ]);
  const expected = {
    ...{ accepted: '0', doubled: '0', 'in conflict': '0', rejected: '0' },
    [outcome]: load.events.toString(),
    status: 0,
  };
  check(`import: ${load.name}, all ${outcome}`, {
    expected,
    actual: { ...Object.fromEntries(counted), status },
  });
}

function check(name: string, { expected, actual }: Checked): void {
  const [wanted, found] = [JSON.stringify(expected), JSON.stringify(actual)];
  if (wanted === found) {
    passed += 1;
    console.log(`ok    ${name}`);
    return;
  }
  failed += 1;
  let start = 0;
  while (wanted[start] === found[start]) start += 1;
  const around = (whole: string): string => whole.slice(Math.max(0, start - 60), start + 120);
  console.log(`FAIL  ${name}\n      expected …${around(wanted)}\n      answered …${around(found)}`);
}
