// Sends emails by SMTP.

import nodemailer from 'nodemailer';
import type { Email } from './email.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 20_000;
const ERROR_LENGTH_MAX = 500;

export interface Mailer {
  /**
   * Sends an email to all its addresses at once.
   * @returns the addresses that the server refused while it accepted the email for others
   * @throws when it accepted the email for no address
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

/** Name and address of a sender. A comma in the name does not begin another address. */
function senderOf(from: string): { readonly name: string; readonly address: string } {
  const [, name = '', address = from] = /^([^<>]*)<([^<>]*)>$/.exec(from) ?? [];
  return { name: name.trim().replace(/^"(.*)"$/, '$1'), address };
}

/** The part of a sender's address after the @. */
export function domainOf(from: string): string {
  return senderOf(from).address.split('@').at(-1) ?? 'localhost';
}

/** What an account may see of why its email was not sent: the mail server's answer, but not where the server is. */
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
