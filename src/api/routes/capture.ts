// Packets of this host's data plane, as pcapng, for as long as the reader reads.

import type { FastifyInstance } from 'fastify';
import { READ_SITE } from '../access/declared.ts';
import { CAPTURE_QUERY, type CaptureQuery } from '../contract/capture.ts';
import { PCAPNG_CONTENT_TYPE } from '../contract/protocol.ts';
import { type FeedFormat, sendFeed } from '../feed-reply.ts';
import type { CaptureService } from '../services.ts';
import { OPERATOR } from './callers.ts';

/** The format has no place for words between its blocks. */
const CAPTURE: FeedFormat = {
  contentType: PCAPNG_CONTENT_TYPE,
  heartbeat: '',
  failure: () => '',
};

export function captureRoute(app: FastifyInstance, service: CaptureService): void {
  app.get<{ Querystring: CaptureQuery }>(
    '/v1/capture',
    { config: { allow: OPERATOR, access: READ_SITE }, schema: { querystring: CAPTURE_QUERY } },
    async (request, reply) => {
      const capture = await service.capture(request.principal, request.query);
      return sendFeed(reply, CAPTURE, capture);
    },
  );
}
