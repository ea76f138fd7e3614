// Routes of the registry as a whole, for the operator of a server.

import type { FastifyInstance } from 'fastify';
import { CHANGE_SITE, READ_SITE } from '../access/declared.ts';
import {
  ACCEPT_REGISTRY,
  type AcceptRegistry,
  EXPORT_REGISTRY,
  type ExportRegistry,
  IMPORT_REGISTRY,
  type ImportRegistry,
} from '../contract/registry.ts';
import type { RegistryKeeper } from '../services.ts';
import { OPERATOR } from './callers.ts';

export function registryRoutes(app: FastifyInstance, keeper: RegistryKeeper): void {
  app.get('/v1/registry', { config: { allow: OPERATOR, access: READ_SITE } }, (request) =>
    keeper.show(request.principal),
  );

  app.post<{ Body: ExportRegistry }>(
    '/v1/registry/export',
    { config: { allow: OPERATOR, access: CHANGE_SITE }, schema: { body: EXPORT_REGISTRY } },
    (request) => keeper.export(request.principal, request.body),
  );

  app.post<{ Body: ImportRegistry }>(
    '/v1/registry/import',
    { config: { allow: OPERATOR, access: CHANGE_SITE }, schema: { body: IMPORT_REGISTRY } },
    (request) => keeper.import(request.principal, request.body),
  );

  app.post<{ Body: AcceptRegistry }>(
    '/v1/registry/accept',
    { config: { allow: OPERATOR, access: CHANGE_SITE }, schema: { body: ACCEPT_REGISTRY } },
    (request) => keeper.accept(request.principal, request.body),
  );
}
