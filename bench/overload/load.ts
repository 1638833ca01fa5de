// The load generator. It decides what to send before anything is measured, and reads of an answer no more than its status and
// whether it has errors.

import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Answer, Job, Sent, Template } from './job.ts';

const CONNECTIONS_MAX = 4_000;
const GIVE_UP_MS = 30_000;
const TICK_MS = 5;

process.on('message', (job: Job) => {
  void new Load(job).run().then(
    (sent) => process.send?.({ sent } satisfies Answer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Answer),
  );
});

class Load {
  private readonly pool: Pool;
  private readonly order: readonly Template[];
  private readonly sent: Sent[] = [];
  private readonly name = process.hrtime.bigint().toString(36);
  private beganMs = 0;
  private next = 0;

  constructor(private readonly job: Job) {
    const connections = job.perSecond === null ? job.atOnce : CONNECTIONS_MAX;
    this.pool = new Pool(job.origin, { connections, pipelining: 1, bodyTimeout: GIVE_UP_MS });
    this.order = spread(job.mix);
  }

  async run(): Promise<readonly Sent[]> {
    this.beganMs = performance.now();
    await (this.job.perSecond === null ? this.closedLoop() : this.openLoop(this.job.perSecond));
    await this.pool.destroy();
    return this.sent;
  }

  private async closedLoop(): Promise<void> {
    const endMs = this.beganMs + this.job.seconds * 1_000;
    const work = async (): Promise<void> => {
      while (performance.now() < endMs) await this.send();
    };
    await Promise.all(Array.from({ length: this.job.atOnce }, work));
  }

  private async openLoop(perSecond: number): Promise<void> {
    const sending: Promise<void>[] = [];
    for (;;) {
      const passedSeconds = (performance.now() - this.beganMs) / 1_000;
      if (passedSeconds >= this.job.seconds) break;
      while (sending.length < passedSeconds * perSecond) sending.push(this.send());
      await pause(TICK_MS);
    }
    await Promise.all(sending);
  }

  private async send(): Promise<void> {
    const template = this.order[this.next % this.order.length];
    if (template === undefined) return;
    this.next += 1;
    const body = template.body
      .replace('$id', `${this.name}-${this.next}`)
      .replace('$now', this.job.occurredAt);
    const { path, type, name } = template;
    const headers = { 'content-type': type, authorization: `Bearer ${this.job.key}` };
    const beganMs = performance.now();
    let status = 0;
    try {
      const response = await this.pool.request({ path, method: 'POST', headers, body });
      const text = await response.body.text();
      const hasErrors = response.statusCode === 200 && text.includes('"errors":[{');
      status = hasErrors ? 500 : response.statusCode;
    } catch {
      // None came.
    }
    const nowMs = performance.now();
    this.sent.push({ name, status, tookMs: nowMs - beganMs, atMs: nowMs - this.beganMs });
  }
}

// Each as often as its share, evenly among the others.
function spread(mix: readonly Template[]): readonly Template[] {
  const total = mix.reduce((sum, { share }) => sum + share, 0);
  const places = mix.flatMap((template) =>
    Array.from({ length: template.share }, (_, index) => ({
      template,
      at: ((index + 0.5) * total) / template.share,
    })),
  );
  return places.sort((a, b) => a.at - b.at).map(({ template }) => template);
}
