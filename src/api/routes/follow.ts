// Routes by which hosts read the registry: the feed of changes, and an app that is not yet in it.

import type { FastifyInstance } from 'fastify';
import { isNetworkId, type NetworkId } from '../../addressing/ids.ts';
import { P6nError } from '../../base/errors.ts';
import type { FollowPosition } from '../../registry/model.ts';
import { FOLLOW_QUERY, FOLLOWED_NETWORKS_MAX, type FollowQuery } from '../contract/follow.ts';
import { NDJSON_CONTENT_TYPE } from '../contract/protocol.ts';
import { type FeedFormat, sendFeed } from '../feed-reply.ts';
import type { FollowService } from '../services.ts';
import { HOST } from './callers.ts';

const LINES: FeedFormat = {
  contentType: NDJSON_CONTENT_TYPE,
  heartbeat: formatLine({ type: 'heartbeat' }),
  failure: (error) => formatLine({ type: 'failed', ...error }),
};

export function followRoutes(app: FastifyInstance, service: FollowService): void {
  app.get<{ Querystring: FollowQuery }>(
    '/v1/follow',
    { config: { allow: HOST }, schema: { querystring: FOLLOW_QUERY } },
    (request, reply) => {
      const networks = parseNetworks(request.query.networks);
      const after = parsePosition(request.query);
      return sendFeed(reply, LINES, (signal) =>
        service.follow(request.principal, networks, after, signal),
      );
    },
  );

  app.get<{ Params: { name: string } }>(
    '/v1/records/apps/:name',
    { config: { allow: HOST } },
    async (request) => {
      const { name } = request.params;
      const found = await service.lookupApp(request.principal, name);
      if (found !== undefined) return found;
      throw new P6nError('NOT_FOUND', `Cannot find app "${name}": there is none of that name`, {
        hint: 'See what there is with `p6nctl apps list`.',
      });
    },
  );
}

function parseNetworks(text: string | undefined): ReadonlySet<NetworkId> {
  const ids = text === undefined ? [] : text.split(',').map(Number);
  if (ids.length > FOLLOWED_NETWORKS_MAX) {
    throw new P6nError(
      'LIMIT_REACHED',
      `Cannot follow ${ids.length} networks: the limit is ${FOLLOWED_NETWORKS_MAX}`,
    );
  }
  for (const id of ids) {
    if (!isNetworkId(id)) {
      throw new P6nError('VALUE_INVALID', `Cannot follow network ${id}: it is no network's id`);
    }
  }
  return new Set(ids as NetworkId[]);
}

function parsePosition(query: FollowQuery): FollowPosition | undefined {
  const { incarnation, number } = query;
  if (incarnation === undefined && number === undefined) return undefined;
  if (incarnation === undefined || number === undefined) {
    throw new P6nError(
      'VALUE_INVALID',
      'Cannot follow: "incarnation" and "number" make a revision only together',
    );
  }
  const position = { incarnation, number: Number(number) };
  return query.lacks === undefined
    ? position
    : { ...position, lacks: [...parseNetworks(query.lacks)] };
}

function formatLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
