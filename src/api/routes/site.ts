// Routes of the site, its settings and its signing key.

import type { FastifyInstance } from 'fastify';
import { CHANGE_SITE, READ_SITE } from '../access/declared.ts';
import { SITE_UPDATE, type SiteUpdate } from '../contract/site.ts';
import type { RegistryService } from '../services.ts';
import { OPERATOR, READERS } from './callers.ts';

export function siteRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get('/v1/site', { config: { allow: READERS, access: READ_SITE } }, (request) =>
    registry.getSite(request.principal),
  );

  app.patch<{ Body: SiteUpdate }>(
    '/v1/site',
    { config: { allow: OPERATOR, access: CHANGE_SITE }, schema: { body: SITE_UPDATE } },
    (request) => registry.updateSite(request.principal, request.body),
  );

  app.post('/v1/site/rotate', { config: { allow: OPERATOR, access: CHANGE_SITE } }, (request) =>
    registry.rotateSiteKey(request.principal),
  );
}
