// The one place where it is decided what whoever shows a token may do: by what the route declares,
// what the token allows and, for one who asks from inside a network, that network. What is not
// declared is denied.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { NetworkId } from '../../addressing/ids.ts';
import { foldNetworkName } from '../../addressing/names.ts';
import { P6nError } from '../../base/errors.ts';
import type { Restrictions } from '../../tokens/restrictions.ts';
import { permitsObject, permitsVerb } from '../../tokens/scope.ts';
import type { AppView } from '../contract/apps.ts';
import type { NetworkView } from '../contract/networks.ts';
import { errorBody } from '../error-body.ts';
import type { InstanceService, RegistryService } from '../services.ts';
import { appOf, showInstance } from '../site-instances.ts';
import type { Access, Place } from './declared.ts';
import type { TokenCheck } from './token-check.ts';
import { endWithTokens } from './token-watch.ts';

const TOO_MANY_REQUESTS_STATUS = 429;
const RETRY_AFTER_S = 5;

export interface TokenGuardDependencies {
  readonly check: Pick<TokenCheck, 'require'>;
  readonly registry: RegistryService;
  readonly instances: InstanceService;
  /**
   * The network that whoever asks is in, and may see nothing beyond; undefined for one outside of
   * all. Throws NOT_PERMITTED for who has no business at this door.
   */
  readonly networkOf: (request: FastifyRequest) => NetworkId | undefined;
  /** Whether one more request may be answered now to a network, or else to the token of that id. */
  readonly admits: (asker: NetworkId | string) => boolean;
}

/** Where an instance is whose app is gone, whatever has got the app's name since. */
const OF_NOBODY: Place = {};

interface Grant {
  readonly restrictions: readonly Restrictions[];
  readonly network: NetworkId | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set where a token is asked for. */
    grant: Grant | undefined;
  }
}

/** Lets those through who have a token for it. Routes come after it. */
export function guardByTokens(app: FastifyInstance, dependencies: TokenGuardDependencies): void {
  app.decorateRequest('principal');
  app.decorateRequest('grant');
  app.addHook('onRequest', (request, reply, done) => {
    const network = dependencies.networkOf(request);
    // Before anything is looked at, for those who can be told apart without a token.
    if (network !== undefined && !dependencies.admits(network)) return refuseForNow(reply);
    // Which routes there are is no secret, and programs ask for one that is not.
    if (request.is404) return done();
    const { id, restrictions } = dependencies.check.require(request.headers);
    if (network === undefined && !dependencies.admits(id)) return refuseForNow(reply);
    request.principal = { kind: 'token', id };
    request.grant = { restrictions, network };
    const { allow = [], access } = request.routeOptions.config;
    if (!allow.includes('token') || access === undefined) {
      throw denied(request, 'it is for the unix socket alone', 'Use p6nctl on the host, as root.');
    }
    if (!permitsVerb(restrictions, access.verb)) throw notAllowed(request);
    done();
  });
  endWithTokens(app, dependencies.check);
  app.addHook('preHandler', async (request) => {
    const { config } = request.routeOptions;
    if (request.grant === undefined || config.access === undefined) return;
    await requireTarget(dependencies, request, request.grant, config.access);
  });
  app.addHook('preSerialization', async (request, _reply, answer: unknown) => {
    const { config } = request.routeOptions;
    const target = config.access?.target;
    if (request.grant === undefined || target?.on !== 'each' || isError(answer)) return answer;
    const sees = await seer(dependencies, request, request.grant);
    return target.only(answer, sees);
  });
}

async function requireTarget(
  dependencies: TokenGuardDependencies,
  request: FastifyRequest,
  grant: Grant,
  { target }: Access,
): Promise<void> {
  if (target.on === 'nothing' || target.on === 'each') return;
  const place = await placeOf(dependencies, request, target);
  const bounds = await boundsOf(dependencies, request, grant);
  if (!permitsObject(grant.restrictions, place) || !isWithin(place, bounds)) {
    throw notAllowed(request);
  }
}

/** Where the target is. Rejects with NOT_FOUND for an app or instance that is not there. */
async function placeOf(
  { instances, registry }: TokenGuardDependencies,
  request: FastifyRequest,
  target: Exclude<Access['target'], { readonly on: 'nothing' | 'each' }>,
): Promise<Place> {
  const { principal } = request;
  switch (target.on) {
    case 'site':
      return {};
    case 'place':
      return target.of(request);
    case 'app':
      return placeOfApp(await registry.getApp(principal, target.of(request)));
    case 'instance': {
      const services = { instances, registry };
      const instance = await showInstance(services, principal, target.of(request));
      const app = await appOf(registry, principal, instance);
      return app === undefined ? OF_NOBODY : placeOfApp(app);
    }
  }
}

function placeOfApp({ name, network, organization }: AppView): Place {
  return { organization: organization.slug, network, app: name };
}

/** Places of lists say the organization of an app or leave it to be looked up here. */
async function seer(
  dependencies: TokenGuardDependencies,
  request: FastifyRequest,
  grant: Grant,
): Promise<(place: Place) => boolean> {
  const bounds = await boundsOf(dependencies, request, grant);
  const { principal } = request;
  const [{ apps }, { networks }] = await Promise.all([
    dependencies.registry.listApps(principal, {}),
    dependencies.registry.listNetworks(principal, {}),
  ]);
  const owners = new Map(apps.map((app) => [app.name, app]));
  const ids = new Map(
    networks.map(({ id, name, organization }) => [`${organization} ${name}`, id]),
  );
  return (place) => {
    const owner = owners.get(place.app ?? '');
    const slug = owner?.organization.slug;
    const isOwned =
      place.networkId === undefined || ids.get(`${slug} ${owner?.network}`) === place.networkId;
    const whole = isOwned ? { ...place, organization: place.organization ?? slug } : OF_NOBODY;
    return permitsObject(grant.restrictions, whole) && isWithin(whole, bounds);
  };
}

/** The network that is not left; undefined where nothing bounds. */
async function boundsOf(
  { registry }: TokenGuardDependencies,
  request: FastifyRequest,
  { network }: Grant,
): Promise<NetworkView | undefined> {
  if (network === undefined) return undefined;
  const { networks } = await registry.listNetworks(request.principal, {});
  const found = networks.find(({ id }) => id === network);
  if (found !== undefined) return found;
  throw denied(request, 'its network is none of the site', 'Ask from an instance.');
}

function isWithin(place: Place, bounds: NetworkView | undefined): boolean {
  if (bounds === undefined) return true;
  const { network, organization } = place;
  return (
    organization === bounds.organization &&
    network !== undefined &&
    foldNetworkName(network) === foldNetworkName(bounds.name)
  );
}

function refuseForNow(reply: FastifyReply): void {
  const error = new P6nError('LIMIT_REACHED', 'Cannot answer: too much is asked at once', {
    hint: 'Try again in a few seconds.',
  });
  void reply
    .code(TOO_MANY_REQUESTS_STATUS)
    .header('retry-after', RETRY_AFTER_S)
    .send(errorBody(error));
}

function isError(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'error' in answer;
}

function notAllowed(request: FastifyRequest): P6nError {
  return denied(request, 'the token does not allow it', 'Ask for a token that does.');
}

function denied(request: FastifyRequest, facts: string, hint: string): P6nError {
  const route = `${request.method} ${request.routeOptions.url}`;
  return new P6nError('NOT_PERMITTED', `Cannot ${route}: ${facts}`, { hint });
}
