// Receives webhooks: node webhook-receiver.ts

import { createServer, type IncomingMessage } from 'node:http';
import process from 'node:process';
import { verify, WebhookError, type WebhookMessage } from '@billing-gateway/client/webhooks';

const { WEBHOOK_SECRET = '', PORT = '5001' } = process.env;
/** Of the messages that were handled. Keep them in your database, for 76 hours at least: a message can come more than once. */
const handled = new Set<string>();

function handle(message: WebhookMessage): void {
  switch (message.type) {
    case 'ALERT_RAISED':
      console.log(message.data.alert.message);
      break;
    case 'DEPLOYMENT_STARTED':
    case 'DEPLOYMENT_CHANGED':
      console.log(
        `${message.data.deployment.name} costs ${message.data.hosting?.creditsPerHour ?? 0} an hour`,
      );
      break;
    case 'DEPLOYMENT_STOPPED':
      console.log(`${message.data.deployment.name} stopped: ${message.data.cause}`);
      break;
    case 'CYCLE_CLOSED':
      console.log(`${message.data.cycle.used} used, ${message.data.cycle.closing} left`);
      break;
    case 'WEBHOOK_TEST':
      console.log('It works.');
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** @returns the status to answer with */
async function take(request: IncomingMessage): Promise<number> {
  try {
    // The bytes as they came: what a parser writes anew is signed differently.
    const message = await verify(await bodyOf(request), request.headers, WEBHOOK_SECRET);
    if (!handled.has(message.id)) handle(message);
    handled.add(message.id);
    return 204;
  } catch (error) {
    // Anything but 2xx is sent again, which is right for faults of our own.
    return error instanceof WebhookError ? 400 : 500;
  }
}

createServer((request, response) => {
  void take(request).then((status) => response.writeHead(status).end());
}).listen(Number(PORT), () => {
  console.log(`Listening on http://localhost:${PORT}`);
});
