// Routes of the site and of its signing key.

import type { FastifyInstance } from 'fastify';
import { CHANGE_SITE, READ_SITE } from '../access/declared.ts';
import type { RegistryService } from '../services.ts';
import { OPERATOR, READERS } from './callers.ts';

export function siteRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get('/v1/site', { config: { allow: READERS, access: READ_SITE } }, (request) =>
    registry.getSite(request.principal),
  );

  app.post('/v1/site/rotate', { config: { allow: OPERATOR, access: CHANGE_SITE } }, (request) =>
    registry.rotateSiteKey(request.principal),
  );
}
