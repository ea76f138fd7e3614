// Routes of apps, in the statuses and shapes of the Machines API.

import type { FastifyInstance } from 'fastify';
import { DEFAULT_NETWORK, DEFAULT_ORGANIZATION } from '../../addressing/names.ts';
import { P6nError } from '../../base/errors.ts';
import type { NewApp } from '../../registry/apps.ts';
import { ofApp, ofEach, ofPlace } from '../access/declared.ts';
import {
  APP_FILTER,
  type AppFilter,
  type AppList,
  CREATE_APP,
  type CreateApp,
  REMOVE_APP,
  type RemoveApp,
} from '../contract/apps.ts';
import { nameTakenBody } from '../error-body.ts';
import type { RegistryService } from '../services.ts';
import { READERS, WRITERS } from './callers.ts';

/** What the Machines API answers to a name that somebody has. */
const NAME_TAKEN_STATUS = 422;

const LIST = ofEach<AppList>(({ apps }, sees) => {
  const seen = apps.filter(({ name, network, organization: { slug } }) =>
    sees({ organization: slug, network, app: name }),
  );
  return { total_apps: seen.length, apps: seen };
});
const CREATE = ofPlace('create', ({ body }) => {
  const { name, network, organization } = newApp(body as CreateApp);
  return {
    organization: organization ?? DEFAULT_ORGANIZATION,
    network: network ?? DEFAULT_NETWORK,
    app: name,
  };
});

export function appRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get<{ Querystring: AppFilter }>(
    '/v1/apps',
    { config: { allow: READERS, access: LIST }, schema: { querystring: APP_FILTER } },
    (request) => {
      const organization = unlessEmpty(request.query.org_slug);
      const filter = organization === undefined ? {} : { org_slug: organization };
      return registry.listApps(request.principal, filter);
    },
  );

  app.post<{ Body: CreateApp }>(
    '/v1/apps',
    { config: { allow: WRITERS, access: CREATE }, schema: { body: CREATE_APP } },
    async (request, reply) => {
      try {
        const created = await registry.createApp(request.principal, newApp(request.body));
        return await reply.code(201).send(created);
      } catch (error) {
        if (!(error instanceof P6nError) || error.code !== 'NAME_TAKEN') throw error;
        return reply.code(NAME_TAKEN_STATUS).send(nameTakenBody(error));
      }
    },
  );

  app.get<{ Params: { name: string } }>(
    '/v1/apps/:name',
    { config: { allow: READERS, access: ofApp('read') } },
    (request) => registry.getApp(request.principal, request.params.name),
  );

  app.delete<{ Params: { name: string }; Querystring: RemoveApp }>(
    '/v1/apps/:name',
    {
      config: { allow: WRITERS, access: ofApp('remove') },
      schema: { querystring: REMOVE_APP },
    },
    async (request, reply) => {
      const { force: forced } = request.query;
      const force = forced === '1' || forced === 'true';
      await registry.removeApp(request.principal, request.params.name, { force });
      return reply.code(202).send();
    },
  );
}

function newApp(body: CreateApp): NewApp {
  const documented = unlessEmpty(body.app_name);
  const name = documented ?? unlessEmpty(body.name);
  if (name === undefined || (unlessEmpty(body.name) ?? name) !== name) {
    throw new P6nError(
      'VALUE_INVALID',
      'Cannot create an app: exactly one of "app_name" and "name" says its name',
    );
  }
  return {
    name,
    organization: unlessEmpty(body.org_slug),
    network: unlessEmpty(body.network),
  };
}

/** Clients of the Machines API send empty texts for what they have no value for. */
function unlessEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
