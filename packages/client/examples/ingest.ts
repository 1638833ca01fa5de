// Records a file of events, one JSON object a line: node ingest.ts events.ndjson
// Run it again after whatever went wrong: what is recorded already counts as a duplicate, and changes nothing.

import { open } from 'node:fs/promises';
import process from 'node:process';
import { createGateway, RecordError, type UsageEventInput } from '@billing-gateway/client';

const { GATEWAY_URL = 'http://localhost:4000', GATEWAY_KEY = '' } = process.env;
const [file = 'events.ndjson'] = process.argv.slice(2);
const gateway = createGateway({ url: GATEWAY_URL, key: GATEWAY_KEY });

// Lines are read only as fast as they are recorded, so a file of any size will do.
async function* events(): AsyncGenerator<UsageEventInput> {
  const handle = await open(file);
  for await (const line of handle.readLines()) {
    if (line.trim() !== '') yield JSON.parse(line) as UsageEventInput;
  }
}

try {
  const { accepted, duplicates, refusals } = await gateway.record(events());
  console.log(`${accepted} recorded, ${duplicates} recorded before, ${refusals.length} refused`);
  for (const { event, code, message } of refusals) {
    console.error(`${event.source} ${event.eventId}: ${message} (${code})`);
  }
  process.exitCode = refusals.length === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof RecordError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
