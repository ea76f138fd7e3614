// Joining a site with an invite: the token's key brings a tunnel up that reaches one port of one
// server, the host's own public key goes through it, and what comes back is an identity. A kill
// between any two steps is repaired by starting again: the draft on disk keeps the host's key, and
// the server answers the same key the same.

import { INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import { hostAddress, SITE_ROUTE, wireguardPeerAddress } from '../addressing/layout.ts';
import { DEFAULT_REGION } from '../addressing/names.ts';
import { ENROLMENT_PORT } from '../addressing/ports.ts';
import type { Enrolled } from '../api/contract/enrolment.ts';
import { enrol } from '../api/enrol.ts';
import { fromBase64, toBase64, wipe } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Random, randomBytes } from '../base/random.ts';
import { type DataplaneConfig, HOST_TUN } from '../dataplane/config.ts';
import { Dataplane } from '../dataplane/dataplane.ts';
import type { EndpointAddress, PeerConfig } from '../device/config.ts';
import type { Links } from '../os/links.ts';
import { sitePublicKeyOf } from '../registry/site.ts';
import {
  type Crypto,
  KEY_BYTES,
  type PrivateKey,
  type PublicKey,
} from '../wireguard/crypto/crypto.ts';
import { keyPair, wipeKeyPair } from '../wireguard/identity.ts';
import type { DaemonConfig } from './config.ts';
import { resolveEndpoints } from './endpoints.ts';
import { askEach, unreachable } from './enrolment-tries.ts';
import type { Identity, IdentityFiles, JoiningDraft } from './identity.ts';
import { type InviteToken, parseToken, tokenId } from './invite-token.ts';
import { HOST_DEVICE } from './machine.ts';
import { publishStep } from './steps.ts';

/** One try of the enrolment: a handshake, retransmitted once, and the exchange. */
const TRY_TIMEOUT_MS = 7_000;

export interface JoinDependencies {
  readonly files: IdentityFiles;
  readonly links: Links;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives the joining up. */
  readonly signal: AbortSignal;
}

/**
 * The draft for a token: the one on disk when it is of this token, else a new one with a fresh key.
 * Throws TOKEN_INVALID before anything is written.
 */
export async function draftJoining(
  tokenText: string,
  { files, crypto, random }: JoinDependencies,
): Promise<JoiningDraft> {
  const token = parseToken(tokenText);
  const drafted = await files.readJoining();
  if (drafted?.token.privateKey === token.privateKey) return drafted;
  const pair = keyPair(crypto, randomBytes(random, KEY_BYTES));
  const privateKey = toBase64(pair.privateKey);
  wipeKeyPair(pair);
  await files.writeJoining(privateKey, tokenText);
  return { token, privateKey };
}

/**
 * Turns a draft into this host's identity. Throws what the server refuses (INVITE_USED,
 * INVITE_EXPIRED, NAME_TAKEN and others), SERVER_UNREACHABLE, and what the data plane throws.
 */
export async function join(
  config: DaemonConfig,
  endpoints: readonly string[],
  draft: JoiningDraft,
  dependencies: JoinDependencies,
): Promise<Identity> {
  publishStep('joining-drafted');
  const { files, logger, crypto, signal } = dependencies;
  const { token } = draft;
  const own = keyPair(crypto, fromBase64(draft.privateKey) as Uint8Array);
  const publicKey = toBase64(own.publicKey);
  wipeKeyPair(own);
  const request = {
    public_key: publicKey,
    name: config.name,
    endpoints,
    ...(config.region === undefined ? {} : { region: config.region }),
  };
  const candidates = await resolveEndpoints(token.endpoints);
  signal.throwIfAborted();
  if (candidates.length === 0) throw unreachable(token, 'its endpoints do not resolve');
  const key = fromBase64(token.privateKey) as PrivateKey;
  const { links } = dependencies;
  const dataplane = await Dataplane.start({
    config: joiningConfig(config, token, key, undefined),
    logger,
    onEvent: () => undefined,
    offloads: config.offloads,
  });
  try {
    await links.configure({
      namespace: undefined,
      name: HOST_DEVICE,
      mtu: config.mtu,
      addresses: [{ address: inviteAddress(token), preferred: true }],
      routes: [SITE_ROUTE],
      exclusive: true,
    });
    publishStep('joining-tunnelled');
    const enrolled = await askEach(candidates, token, dependencies, async (endpoint) => {
      // A peer that is removed and installed again begins with a fresh handshake: a server that was
      // restarted meanwhile knows nothing of the session before.
      await dataplane.applyConfig(joiningConfig(config, token, key, undefined));
      await dataplane.applyConfig(joiningConfig(config, token, key, endpoint));
      const address = hostAddress(token.server);
      const timeoutMs = TRY_TIMEOUT_MS;
      return await enrol({ address, port: ENROLMENT_PORT, timeoutMs, signal }, request);
    });
    publishStep('joining-answered');
    const identity = identityOf(enrolled, draft);
    await files.write(identity);
    publishStep('joining-identified');
    return identity;
  } finally {
    await dataplane.stop();
    await links.releaseExclusive(HOST_DEVICE);
    wipe(key);
  }
}

/**
 * A data plane with no address but the invite's, and one peer, the server, where it has an
 * endpoint.
 */
function joiningConfig(
  config: DaemonConfig,
  token: InviteToken,
  privateKey: PrivateKey,
  endpoint: EndpointAddress | undefined,
): DataplaneConfig {
  const { server } = token;
  return {
    listenPort: config.listenPort,
    device: {
      privateKey,
      peers: endpoint === undefined ? [] : [serverPeer(token, endpoint)],
    },
    filter: {
      hostId: undefined,
      region: config.region ?? DEFAULT_REGION,
      extraHostAddresses: [inviteAddress(token)],
      server: false,
      hosts: [{ id: server, region: DEFAULT_REGION }],
      networks: [],
      instances: [],
      wireguardPeers: [],
    },
    tuns: [{ tun: HOST_TUN, name: HOST_DEVICE, namespace: undefined, mtu: config.mtu }],
  };
}

function serverPeer(token: InviteToken, endpoint: EndpointAddress): PeerConfig {
  return {
    publicKey: fromBase64(token.serverKey) as PublicKey,
    route: { kind: 'host', hostId: token.server, key: 'current' },
    endpoint,
  };
}

function inviteAddress(token: InviteToken): ReturnType<typeof wireguardPeerAddress> {
  return wireguardPeerAddress(INFRASTRUCTURE_NETWORK, token.server, token.number);
}

function identityOf(enrolled: Enrolled, draft: JoiningDraft): Identity {
  if (enrolled.site_key !== draft.token.siteKey) {
    throw new P6nError(
      'TOKEN_INVALID',
      'Cannot join: the server is of another site than the token',
      {
        hint: 'Make a new invite on a server of the site.',
      },
    );
  }
  const { site_secret_key: siteSecretKey } = enrolled;
  if (siteSecretKey !== undefined) requireSiteSecret(siteSecretKey, enrolled.site_key);
  return {
    role: siteSecretKey === undefined ? 'agent' : 'server',
    hostId: enrolled.host_id as Identity['hostId'],
    name: enrolled.name,
    region: enrolled.region,
    privateKey: draft.privateKey,
    secret: enrolled.secret,
    siteKey: enrolled.site_key,
    siteSecretKey,
    ...(siteSecretKey === undefined ? {} : { signed: true }),
    servers: enrolled.servers.map((server) => ({
      hostId: server.id as Identity['hostId'],
      region: server.region,
      publicKey: server.public_key,
      endpoints: server.endpoints,
    })),
    invite: tokenId(draft.token),
  };
}

function requireSiteSecret(siteSecretKey: string, siteKey: string): void {
  const secretKey = fromBase64(siteSecretKey) ?? new Uint8Array();
  const publicKey = sitePublicKeyOf(secretKey);
  wipe(secretKey);
  if (publicKey !== undefined && toBase64(publicKey) === siteKey) return;
  throw new P6nError('INTERNAL', "Cannot join: the server has sent no key that is the site's");
}
