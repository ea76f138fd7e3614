// Routes of hosts and of the invites that let them in.

import type { FastifyInstance } from 'fastify';
import { P6nError } from '../../base/errors.ts';
import { CHANGE_SITE, CREATE_ON_SITE, READ_SITE, REMOVE_FROM_SITE } from '../access/declared.ts';
import { HOST_FILTER, type HostFilter, type HostPath, type HostView } from '../contract/hosts.ts';
import { CREATE_INVITE, type CreateInvite } from '../contract/invites.ts';
import { REMOVE_QUERY, type RemoveQuery } from '../contract/removal.ts';
import type { MembershipService, RegistryService } from '../services.ts';
import { OPERATOR, OPERATOR_OR_TOKEN, READERS } from './callers.ts';

const INVITE_NUMBER_MAX = 0xffff;

/** `local` says how the others are reached, where the operator of this host asks. */
export function hostRoutes(
  app: FastifyInstance,
  registry: RegistryService,
  local?: MembershipService,
): void {
  app.get<{ Querystring: HostFilter }>(
    '/v1/hosts',
    { config: { allow: READERS, access: READ_SITE }, schema: { querystring: HOST_FILTER } },
    async (request) => {
      const list = await registry.listHosts(request.principal);
      if (local === undefined || request.query.paths === undefined) return list;
      const paths = await local.paths(list.hosts);
      return { hosts: list.hosts.map((host) => withPath(host, paths.get(host.id))) };
    },
  );

  if (local !== undefined) {
    app.post<{ Querystring: RemoveQuery }>(
      '/v1/host/rotate-key',
      {
        config: { allow: OPERATOR, access: CHANGE_SITE },
        schema: { querystring: REMOVE_QUERY },
      },
      ({ principal, query }) => local.rotateKey(principal, { force: query.force === '1' }),
    );
  }

  for (const [verb, isDrained] of [
    ['drain', true],
    ['undrain', false],
  ] as const) {
    app.post<{ Params: { name: string } }>(
      `/v1/hosts/:name/${verb}`,
      { config: { allow: OPERATOR_OR_TOKEN, access: CHANGE_SITE } },
      (request) => registry.drainHost(request.principal, request.params.name, isDrained),
    );
  }

  app.post<{ Params: { name: string } }>(
    '/v1/hosts/:name/rehome',
    { config: { allow: OPERATOR, access: CHANGE_SITE } },
    (request) => registry.rehomeHost(request.principal, request.params.name),
  );

  app.get<{ Params: { name: string } }>(
    '/v1/hosts/:name',
    { config: { allow: READERS, access: READ_SITE } },
    (request) => registry.getHost(request.principal, request.params.name),
  );

  app.delete<{ Params: { name: string }; Querystring: RemoveQuery }>(
    '/v1/hosts/:name',
    {
      config: { allow: OPERATOR_OR_TOKEN, access: REMOVE_FROM_SITE },
      schema: { querystring: REMOVE_QUERY },
    },
    async (request, reply) => {
      const force = request.query.force === '1';
      await registry.removeHost(request.principal, request.params.name, { force });
      return reply.code(204).send();
    },
  );
}

function withPath(host: HostView, path: HostPath | undefined): HostView {
  return path === undefined ? host : { ...host, path };
}

export function inviteRoutes(app: FastifyInstance, registry: RegistryService): void {
  app.get('/v1/invites', { config: { allow: OPERATOR_OR_TOKEN, access: READ_SITE } }, (request) =>
    registry.listInvites(request.principal),
  );

  app.post<{ Body: CreateInvite }>(
    '/v1/invites',
    {
      config: { allow: OPERATOR_OR_TOKEN, access: CREATE_ON_SITE },
      schema: { body: CREATE_INVITE },
    },
    async (request, reply) => {
      reply.code(201).header('cache-control', 'no-store');
      return await registry.createInvite(request.principal, request.body);
    },
  );

  app.delete<{ Params: { number: string } }>(
    '/v1/invites/:number',
    { config: { allow: OPERATOR_OR_TOKEN, access: REMOVE_FROM_SITE } },
    async (request, reply) => {
      const number = Number(request.params.number);
      if (!Number.isInteger(number) || number < 1 || number > INVITE_NUMBER_MAX) {
        throw new P6nError(
          'VALUE_INVALID',
          `Cannot revoke invite "${request.params.number}": it is not a number of an invite`,
          { hint: 'See the numbers with `p6nctl hosts invites list`.' },
        );
      }
      await registry.revokeInvite(request.principal, number);
      return reply.code(204).send();
    },
  );
}
