// Sends a message to a receiver that a customer named, so to a stranger. It reaches nothing but the public internet (decided by
// the address that it really connects to, so that a name cannot be redirected meanwhile), follows no redirect, and
// waits neither for a slow nor for an endless answer.

import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { type Answer, isLoopbackHost, isReceiverPort } from './webhook.ts';

/** For one whole attempt, from resolving the name to the answer's last byte. */
export const SEND_TIMEOUT_MS = 15_000;
/** The most that is read of an answer, although its content does not matter. */
export const ANSWER_BYTES_MAX = 64 * 1024;

export interface SenderOptions {
  /** Allows this machine as a receiver: for development and tests. */
  readonly allowLoopback: boolean;
  /** How names are resolved; default: as the system does. */
  readonly lookup?: LookupFunction;
  /** Trusted certificate authorities, in PEM; default: those that Node trusts. */
  readonly ca?: string;
  readonly timeoutMs?: number;
}

export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const LOOPBACK_ADDRESSES = ['127.0.0.1', '::1'];
/** It looks public, but machines at Azure reach their own metadata there. */
const CLOUD_ADDRESSES = ['168.63.129.16'];

export class Sender {
  private readonly agents: { readonly http: http.Agent; readonly https: https.Agent };
  private readonly lookup: LookupFunction;
  private readonly timeoutMs: number;

  constructor(private readonly options: SenderOptions) {
    const filter = {
      keepAlive: false,
      allowIPAddressList: options.allowLoopback ? LOOPBACK_ADDRESSES : [],
      denyIPAddressList: CLOUD_ADDRESSES,
    };
    this.agents = {
      http: new RequestFilteringHttpAgent(filter),
      https: new RequestFilteringHttpsAgent({
        ...filter,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      }),
    };
    this.lookup = options.lookup ?? dns.lookup;
    this.timeoutMs = options.timeoutMs ?? SEND_TIMEOUT_MS;
  }

  get allowsLoopback(): boolean {
    return this.options.allowLoopback;
  }

  /** Posts a message. Failures are returned, not thrown, and reveal nothing about private networks. */
  async send(message: Message): Promise<Answer> {
    const url = new URL(message.url);
    const isPlain = url.protocol === 'http:';
    const isLoopback = this.options.allowLoopback && isLoopbackHost(url.hostname);
    if (isPlain && !this.options.allowLoopback) return unsent('Only https is sent to.');
    if (isPrivateHost(url.hostname) && !isLoopback) {
      return unsent(NOT_PUBLIC);
    }
    // An endpoint may be older than this rule.
    if (!isReceiverPort(url, isLoopback)) return unsent('Nothing is sent to this port.');
    return this.post(url, message);
  }

  private post(url: URL, message: Message): Promise<Answer> {
    const { request } = url.protocol === 'http:' ? http : https;
    return new Promise((resolve) => {
      const sent = request(url, {
        method: 'POST',
        agent: url.protocol === 'http:' ? this.agents.http : this.agents.https,
        headers: { ...message.headers, 'content-length': Buffer.byteLength(message.body) },
        lookup: this.lookup,
      });
      let status: Answer | null = null;
      // The first thing that ends the attempt decides, except that a status that has arrived is kept.
      const end = (error: unknown): void => {
        clearTimeout(timer);
        sent.destroy();
        resolve(status ?? unsent(sentenceOf(error, this.timeoutMs)));
      };
      const timer = setTimeout(end, this.timeoutMs, TIMED_OUT);
      sent.on('error', end);
      sent.on('close', () => {
        end(null);
      });
      sent.on('response', (response) => {
        status = { status: response.statusCode ?? 0, retryAfter: retryAfterOf(response) };
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) end(null);
        });
        response.on('end', end);
        response.on('error', end);
      });
      sent.end(message.body);
    });
  }
}

const TIMED_OUT = Symbol('timed out');
const NOT_PUBLIC = 'The address is not on the public internet.';

function unsent(error: string): Answer {
  return { status: null, error };
}

function retryAfterOf(response: http.IncomingMessage): string | null {
  return response.headers['retry-after'] ?? null;
}

// Of an error only its code is reported: its text may contain addresses from a private name server.
function sentenceOf(error: unknown, timeoutMs: number): string {
  if (error === TIMED_OUT) return `No answer within ${timeoutMs / 1_000} seconds.`;
  if (typeof error !== 'object' || error === null) {
    return 'The connection was closed without an answer.';
  }
  // The agent's refusals are the only errors without a code.
  if (!('code' in error) || typeof error.code !== 'string') return NOT_PUBLIC;
  return `The message could not be sent (${error.code}).`;
}

/** The part of IPv6 that is allocated to the public internet. */
const PUBLIC_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Whether a host, as URL writes it, is an address outside the public internet; false for a name. */
export function isPrivateHost(hostname: string): boolean {
  const host = bare(hostname);
  if (!ipaddr.isValid(host)) return false;
  const address = ipaddr.parse(host);
  if (address.range() !== 'unicast' || CLOUD_ADDRESSES.includes(host)) return true;
  return address instanceof ipaddr.IPv6 && !address.match(PUBLIC_IPV6);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
