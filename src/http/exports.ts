// GET /v1/exports/…: what an account used and was charged, as a stream of CSV or NDJSON, and what an export came to.
// docs/exports.md describes the formats.

import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest, preHandlerHookHandler } from 'fastify';
import { NotFoundError } from '../core/errors.ts';
import { formatMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import type { ExportService, OpenedExport } from '../exports/exports.service.ts';
import {
  contentTypes,
  type ExportFormat,
  exportFormats,
  type ExportName,
  exportNames,
  type Parameters,
  parseExportRequest,
} from '../exports/request.ts';
import type { ExportRun } from '../exports/run.ts';
import type { KeyCheck } from './key-check.ts';
import type { RequestAdmission } from './overload.ts';
import type { Points } from './rates.ts';
import { actorOf } from './request-state.ts';

/** As much as a page of a report by resource and day. */
const EXPORT_POINTS = 1_000;
const RUN_POINTS = 2;

export interface ExportsRouteDeps {
  readonly exports: Pick<ExportService, 'open' | 'getRun' | 'stop'>;
  readonly check: KeyCheck;
  readonly decideReads: preHandlerHookHandler;
  readonly admission: RequestAdmission;
  /** Without it points are not limited. */
  readonly points?: Points | undefined;
}

/** Adds the routes to a server. */
export function registerExportRoutes(app: FastifyInstance, deps: ExportsRouteDeps): void {
  const onRequest = async (request: FastifyRequest): Promise<void> => {
    deps.admission.onRequest();
    await deps.check(request);
  };
  const admitting =
    (points: number) =>
    async (request: FastifyRequest): Promise<void> => {
      deps.admission.admit(request, { type: 'query', points });
      await deps.points?.take(actorOf(request), points);
    };
  app.addHook('preClose', (done) => {
    deps.exports.stop();
    done();
  });
  app.route<{ Params: { name: string }; Querystring: Parameters }>({
    method: 'GET',
    url: '/v1/exports/:name',
    exposeHeadRoute: false,
    onRequest,
    preHandler: [admitting(EXPORT_POINTS), deps.decideReads],
    handler: async (request, reply) => {
      const { accept } = request.headers;
      const name = nameOf(request.params.name);
      const asked = parseExportRequest(name, request.query, acceptedFormat(accept));
      return send(reply, await deps.exports.open(actorOf(request), asked, request.reads));
    },
  });
  app.route<{ Params: { id: string } }>({
    method: 'GET',
    url: '/v1/exports/runs/:id',
    exposeHeadRoute: false,
    onRequest,
    preHandler: admitting(RUN_POINTS),
    handler: async (request) =>
      shown(await deps.exports.getRun(actorOf(request), request.params.id)),
  });
}

function nameOf(text: string): ExportName {
  const found = Object.values(exportNames).find((name) => name === text);
  if (found !== undefined) return found;
  throw new NotFoundError(
    `There is no export ${JSON.stringify(text.slice(0, 40))}; there are ${Object.keys(exportNames).join(', ')}.`,
  );
}

function send(reply: FastifyReply, opened: OpenedExport): FastifyReply {
  const { runId, format, fileName, idleMs, sent } = opened;
  const body = Readable.from(sent.chunks(), { objectMode: false });
  body.once('close', () => {
    sent.end().catch((error: unknown) => {
      reply.log.error({ err: error }, 'an export could not be ended');
    });
  });
  body.on('error', (error) => {
    reply.log.error({ err: error, exportId: runId }, 'an export failed');
  });
  // Whoever takes nothing for so long keeps a snapshot of the database open for nothing.
  reply.raw.setTimeout(idleMs, () => {
    body.destroy();
    reply.raw.destroy();
  });
  return reply
    .headers({
      'content-type': `${contentTypes[format]}; charset=utf-8`,
      'content-disposition': `attachment; filename="${fileName}"`,
      'x-export-id': runId,
    })
    .send(body);
}

/** The format that an Accept header prefers; of equal ones, and without a header, CSV. Null: none that there is. */
export function acceptedFormat(accept: string | undefined): ExportFormat | null {
  if (accept === undefined) return 'csv';
  const ranges = accept.split(',').map(mediaRange);
  const weights = Object.values(exportFormats).map((format) => {
    const [type = ''] = contentTypes[format].split('/');
    // The most specific range decides.
    const [range] = [contentTypes[format], `${type}/*`, '*/*'].flatMap((name) =>
      ranges.filter((one) => one.name === name),
    );
    return { format, weight: range?.weight ?? 0 };
  });
  const [best] = weights.sort((a, b) => b.weight - a.weight);
  return best === undefined || best.weight === 0 ? null : best.format;
}

/** A part of an Accept header, or of one of its kind, and how much it is preferred: 0 to 1. */
export function mediaRange(text: string): { readonly name: string; readonly weight: number } {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  return { name, weight: q === undefined ? 1 : Number(q.slice(2)) || 0 };
}

function shown(run: ExportRun): object {
  const { creditsMicro, endedAtMs } = run;
  return {
    id: run.runId,
    export: run.name,
    format: run.format,
    state: run.state,
    from: isoInstant(run.fromMs),
    to: isoInstant(run.toMs),
    rows: run.rows,
    bytes: run.bytes,
    creditsMicro: creditsMicro === null ? null : creditsMicro.toString(),
    credits: creditsMicro === null ? null : formatMicro(creditsMicro),
    sha256: run.sha256,
    startedAt: isoInstant(run.startedAtMs),
    endedAt: endedAtMs === null ? null : isoInstant(endedAtMs),
  };
}
