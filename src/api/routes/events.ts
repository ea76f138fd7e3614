// Routes of the registry's history: the feed of events, as server-sent events, and the audit.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { P6nError } from '../../base/errors.ts';
import { FairPlaces } from '../../base/fair-share.ts';
import { READ_SITE } from '../access/declared.ts';
import {
  AUDIT_QUERY,
  type AuditQuery,
  EVENT_QUERY,
  EVENT_STREAM_CONTENT_TYPE,
  type EventQuery,
  type EventView,
} from '../contract/events.ts';
import { parseRevision } from '../contract/revision.ts';
import { type FeedFormat, sendFeed } from '../feed-reply.ts';
import type { RegistryService } from '../services.ts';
import { OPERATOR_OR_TOKEN, WRITERS } from './callers.ts';

/** Each has a connection and a place in the registry's log, and no more. */
const EVENT_READERS_MAX = 64;
const AUDIT_ENTRIES_DEFAULT = 100;

const EVENTS: FeedFormat = {
  contentType: EVENT_STREAM_CONTENT_TYPE,
  heartbeat: ':\n\n',
  failure: (error) => `event: failed\ndata: ${JSON.stringify(error)}\n\n`,
};

export function eventRoutes(app: FastifyInstance, registry: RegistryService): void {
  const places = new FairPlaces(EVENT_READERS_MAX);
  app.get<{ Querystring: EventQuery }>(
    '/v1/events',
    { config: { allow: WRITERS, access: READ_SITE }, schema: { querystring: EVENT_QUERY } },
    (request, reply) => {
      const since = lastEventId(request) ?? request.query.since;
      const after = since === undefined ? undefined : parseRevision(since);
      const leave = places.take(holderOf(request));
      if (leave === undefined) {
        throw new P6nError('LIMIT_REACHED', 'Cannot follow events: too many do already', {
          hint: 'End some of those that follow them, or try again later.',
        });
      }
      reply.raw.once('close', leave);
      return sendFeed(reply, EVENTS, (signal) =>
        serverSentEvents(registry.events(request.principal, after, signal)),
      );
    },
  );
}

/** The operator of this host may have all places, and nobody else keeps others out. */
function holderOf({ principal, id }: FastifyRequest): string {
  if ('host' in principal) return `host ${principal.host}`;
  return principal.kind === 'token' ? `token ${principal.id}` : id;
}

/** For operators of a server alone. */
export function auditRoute(app: FastifyInstance, registry: RegistryService): void {
  app.get<{ Querystring: AuditQuery }>(
    '/v1/audit',
    {
      config: { allow: OPERATOR_OR_TOKEN, access: READ_SITE },
      schema: { querystring: AUDIT_QUERY },
    },
    (request) =>
      registry.audit(request.principal, Number(request.query.last ?? AUDIT_ENTRIES_DEFAULT)),
  );
}

/** Where a reader that was cut off goes on, as browsers say it. */
function lastEventId(request: FastifyRequest): string | undefined {
  const header = request.headers['last-event-id'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}

async function* serverSentEvents(events: AsyncIterable<EventView>): AsyncGenerator<Uint8Array> {
  for await (const event of events) {
    yield Buffer.from(`id: ${event.revision}\ndata: ${JSON.stringify(event)}\n\n`);
  }
}
