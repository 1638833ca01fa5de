// The way out: SMTP.

import nodemailer from 'nodemailer';
import type { Email } from './email.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 20_000;
const ERROR_LENGTH_MAX = 500;

export interface Mailer {
  /**
   * Sends an email to all its addresses at once.
   * @returns the addresses that the server refused while it took the email for others
   * @throws when it took it for none
   */
  send(email: Email): Promise<readonly string[]>;
}

/** @param from an address, or a name and an address: `Billing <billing@example.com>` */
export function smtpMailer(options: { readonly smtpUrl: string; readonly from: string }): Mailer {
  const transport = nodemailer.createTransport({
    url: options.smtpUrl,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async (email) => {
      const sent = await transport.sendMail({
        from: senderOf(options.from),
        to: [...email.to],
        subject: email.subject,
        text: email.text,
        html: email.html,
        messageId: email.messageId,
        date: new Date(email.createdAtMs),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      });
      return sent.rejected.map(String);
    },
  };
}

/** Name and address of a sender. A comma in its name makes no second address. */
function senderOf(from: string): { readonly name: string; readonly address: string } {
  const [, name = '', address = from] = /^([^<>]*)<([^<>]*)>$/.exec(from) ?? [];
  return { name: name.trim().replace(/^"(.*)"$/, '$1'), address };
}

/** The part of a sender's address behind the @. */
export function domainOf(from: string): string {
  return senderOf(from).address.split('@').at(-1) ?? 'localhost';
}

/** What an account may know of why its email was not sent: what a mail server said of it, but not where the server is. */
export function failureText(error: unknown): string {
  const { code, responseCode, response } = error as {
    readonly code?: unknown;
    readonly responseCode?: unknown;
    readonly response?: unknown;
  };
  if (code === 'EAUTH') return "The mail server refused the gateway's login.";
  if (typeof responseCode === 'number') {
    return `The mail server answered: ${String(response)}`.slice(0, ERROR_LENGTH_MAX);
  }
  const reason = typeof code === 'string' ? ` (${code})` : '';
  return `The mail server could not be reached${reason}.`;
}
