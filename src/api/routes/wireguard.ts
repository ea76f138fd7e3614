// Routes of WireGuard peers, which a name and a network say apart.

import type { FastifyInstance } from 'fastify';
import { DEFAULT_NETWORK, DEFAULT_ORGANIZATION } from '../../addressing/names.ts';
import type { PeerReference } from '../../registry/wireguard/peers.ts';
import { type Access, ofEach, ofPlace } from '../access/declared.ts';
import {
  CREATE_WIREGUARD_PEER,
  type CreateWireguardPeer,
  type PeerSession,
  WIREGUARD_FILTER,
  type WireguardFilter,
  type WireguardPeerList,
  type WireguardPeerView,
} from '../contract/wireguard.ts';
import type { GatewayService, RegistryService } from '../services.ts';
import { READERS, WRITERS } from './callers.ts';

const LIST = ofEach<WireguardPeerList>(({ peers }, sees) => ({
  peers: peers.filter(({ organization, network }) => sees({ organization, network })),
}));
const CREATE = ofPlace('create', ({ body }) => {
  const { network, organization = DEFAULT_ORGANIZATION } = body as CreateWireguardPeer;
  return { organization, network };
});

interface OnePeer {
  Params: { readonly name: string };
  Querystring: WireguardFilter;
}

/** `local` says how the peers behind this host are, where its operator asks. */
export function wireguardRoutes(
  app: FastifyInstance,
  registry: RegistryService,
  local?: GatewayService,
): void {
  const query = { querystring: WIREGUARD_FILTER };
  const sessions = (): Promise<ReadonlyMap<string, PeerSession>> =>
    local?.sessions() ?? Promise.resolve(new Map());

  app.get<{ Querystring: WireguardFilter }>(
    '/v1/wireguard',
    { config: { allow: READERS, access: LIST }, schema: query },
    async (request) => {
      const { peers } = await registry.listPeers(request.principal, request.query);
      const known = await sessions();
      return { peers: peers.map((peer) => withSession(peer, known)) };
    },
  );

  app.post<{ Body: CreateWireguardPeer }>(
    '/v1/wireguard',
    { config: { allow: WRITERS, access: CREATE }, schema: { body: CREATE_WIREGUARD_PEER } },
    async (request, reply) => {
      reply.code(201);
      return await registry.createPeer(request.principal, request.body);
    },
  );

  app.get<OnePeer>(
    '/v1/wireguard/:name',
    { config: { allow: READERS, access: ofPeer('read') }, schema: query },
    async (request) => {
      const peer = await registry.getPeer(request.principal, reference(request));
      return withSession(peer, await sessions());
    },
  );

  app.delete<OnePeer>(
    '/v1/wireguard/:name',
    { config: { allow: WRITERS, access: ofPeer('remove') }, schema: query },
    async (request, reply) => {
      await registry.removePeer(request.principal, reference(request));
      return reply.code(204).send();
    },
  );
}

function ofPeer(verb: Access['verb']): Access {
  return ofPlace(verb, ({ query }) => {
    const { network = DEFAULT_NETWORK, organization } = query as WireguardFilter;
    return { organization: organization ?? DEFAULT_ORGANIZATION, network };
  });
}

function withSession(
  peer: WireguardPeerView,
  sessions: ReadonlyMap<string, PeerSession>,
): WireguardPeerView {
  const session = sessions.get(peer.public_key);
  return session === undefined ? peer : { ...peer, session };
}

function reference({
  params,
  query,
}: {
  params: { name: string };
  query: WireguardFilter;
}): PeerReference {
  const { network = DEFAULT_NETWORK, organization } = query;
  return { name: params.name, network: { name: network, organization } };
}
