// The one route that an invite may use.

import type { FastifyInstance } from 'fastify';
import { P6nError } from '../../base/errors.ts';
import { ENROL_REQUEST, type EnrolRequest } from '../contract/enrolment.ts';
import type { EnrolmentService } from '../services.ts';
import { INVITE } from './callers.ts';

export function enrolmentRoute(app: FastifyInstance, service: EnrolmentService): void {
  app.post<{ Body: EnrolRequest }>(
    '/v1/enrol',
    { config: { allow: INVITE }, schema: { body: ENROL_REQUEST } },
    async (request, reply) => {
      const { principal } = request;
      if (principal.kind !== 'invite') {
        throw new P6nError('NOT_PERMITTED', 'Cannot enrol: the caller has no invite');
      }
      reply.header('cache-control', 'no-store');
      return await service.enrol(principal, request.body);
    },
  );
}
