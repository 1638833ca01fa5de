// A page of yours with the Usage page in it: node embedding.ts, then open http://localhost:5000

import { createServer } from 'node:http';
import process from 'node:process';
import { createGateway } from '@billing-gateway/client';

const {
  GATEWAY_URL = 'http://localhost:4000',
  GATEWAY_KEY = '',
  PORTAL = 'http://localhost:5000',
} = process.env;
const gateway = createGateway({ url: GATEWAY_URL, key: GATEWAY_KEY });

async function newToken(): Promise<string> {
  const { createPortalToken } = await gateway.createPortalToken({
    expiresInSeconds: 900,
    origins: [PORTAL],
  });
  return createPortalToken.token;
}

function pageWith(token: string): string {
  return `<!doctype html><title>Portal</title>
<iframe title="Usage" style="border: 0; width: 100%; height: 600px"
  src="${GATEWAY_URL}/usage#token=${token}"></iframe>
<script>
  const frame = document.querySelector('iframe');
  addEventListener('message', async ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== '${GATEWAY_URL}') return;
    if (data.type === 'usage:height') frame.style.height = data.height + 'px';
    if (data.type === 'usage:token-needed') {
      const token = await (await fetch('/usage-token')).text();
      source.postMessage({ type: 'usage:token', token }, origin);
    }
  });
</script>`;
}

createServer((request, response) => {
  // Check here who is asking, and choose the account's key by it.
  response.setHeader('cache-control', 'no-store');
  newToken().then(
    (token) => {
      if (request.url === '/usage-token') response.end(token);
      else response.setHeader('content-type', 'text/html; charset=utf-8').end(pageWith(token));
    },
    (error: unknown) => {
      console.error(error);
      response.writeHead(502).end('The usage cannot be shown at this moment.');
    },
  );
}).listen(new URL(PORTAL).port, () => {
  console.log(`Listening on ${PORTAL}`);
});
