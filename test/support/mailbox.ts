// A mail server of the tests: it keeps what it is sent.

import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export interface Mailbox {
  readonly port: number;
  /** In the order in which they came. */
  readonly mails: readonly ParsedMail[];
  /** The same, as they were sent. */
  readonly raw: readonly string[];
  /** Forgets what came. */
  clear(): void;
  /** The server is gone; what it got stays. */
  close(): Promise<void>;
}

/**
 * @param options.port of a server that was closed, to be there again
 * @param options.refuse addresses that it does not take mails for
 * @param options.breakAfter how many mails are taken, and then answered by closing the connection instead of a word
 */
export async function openMailbox(
  options: {
    readonly port?: number;
    readonly refuse?: readonly string[];
    readonly breakAfter?: number;
    /** What its answer to a mail waits for. */
    readonly answerAfter?: (mail: ParsedMail) => Promise<void>;
  } = {},
): Promise<Mailbox> {
  const mails: ParsedMail[] = [];
  const raw: string[] = [];
  let toBreak = options.breakAfter ?? 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    closeTimeout: 100,
    onRcptTo: ({ address }, _session, done) => {
      const isRefused = options.refuse?.includes(address) === true;
      done(isRefused ? new Error(`nobody is called ${address}`) : null);
    },
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const source = Buffer.concat(chunks);
        void simpleParser(source).then(async (mail) => {
          mails.push(mail);
          raw.push(source.toString());
          await options.answerAfter?.(mail);
          toBreak -= 1;
          if (toBreak >= 0) {
            server.connections.forEach((connection) => {
              connection.close();
            });
          } else {
            done(null);
          }
        });
      });
    },
  });
  // Clients that go away are no fault of the test.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    mails,
    raw,
    clear: () => {
      mails.length = 0;
      raw.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}
