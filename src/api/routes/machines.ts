// Routes of machines, which are instances in the words of the Machines API: all hosts' to look at
// and to wait for, this host's to change.

import type { FastifyInstance, FastifyReply } from 'fastify';
import { P6nError } from '../../base/errors.ts';
import type { Principal } from '../../registry/authority.ts';
import { ofApp } from '../access/declared.ts';
import type { EventView } from '../contract/events.ts';
import type { HostLiveness } from '../contract/hosts.ts';
import type { InstanceView } from '../contract/instances.ts';
import {
  MACHINE_FILTER,
  MACHINE_WAIT,
  type MachineFilter,
  type MachineMetadata,
  type MachineView,
  type MachineWait,
  PROCESS_GROUP_KEY,
  SET_METADATA,
  type SetMetadata,
  WAIT_TIMEOUT_MAX_S,
} from '../contract/machines.ts';
import { errorBody } from '../error-body.ts';
import type { InstanceService, RegistryService } from '../services.ts';
import { SharedEvents } from '../shared-events.ts';
import { allInstances, appOf, ownInstances } from '../site-instances.ts';
import { OPERATOR_OR_TOKEN } from './callers.ts';

const READ = { allow: OPERATOR_OR_TOKEN, access: ofApp('read') };
const CHANGE = { allow: OPERATOR_OR_TOKEN, access: ofApp('change') };

const TIMED_OUT_STATUS = 408;
const METADATA_FILTER_PREFIX = 'metadata.';

const HOST_STATUS: Readonly<Record<HostLiveness, MachineView['host_status']>> = {
  alive: 'ok',
  absent: 'unreachable',
  unknown: 'unknown',
};

export interface MachineServices {
  readonly instances: InstanceService;
  readonly registry: RegistryService;
}

interface OfApp {
  Params: { readonly app: string };
}

interface OneMachine {
  Params: { readonly app: string; readonly id: string };
}

interface OneKey {
  Params: { readonly app: string; readonly id: string; readonly key: string };
}

/** Whom the request is about, and who asks. */
interface Asked {
  readonly principal: Principal;
  readonly params: OneMachine['Params'];
}

export function machineRoutes(app: FastifyInstance, services: MachineServices): void {
  readingRoutes(app, services);
  waitRoute(app, services);
  metadataRoutes(app, services);
}

function readingRoutes(app: FastifyInstance, services: MachineServices): void {
  app.get<OfApp & { Querystring: MachineFilter }>(
    '/v1/apps/:app/machines',
    { config: READ, schema: { querystring: MACHINE_FILTER } },
    async ({ params, principal, query }) => {
      // That there is no such app is another answer than that it has no machines.
      await services.registry.getApp(principal, params.app);
      const all = await allInstances(services, principal, { app: params.app });
      const instances = await shownTo(services, principal, all);
      const machines = await machineViews(services, principal, instances);
      return machines.filter((machine) => fitsMachineFilter(machine, query));
    },
  );

  app.get<OneMachine>('/v1/apps/:app/machines/:id', { config: READ }, async (request) => {
    const instance = await find(services, request);
    const [machine] = await machineViews(services, request.principal, [instance]);
    return machine;
  });
}

function waitRoute(app: FastifyInstance, services: MachineServices): void {
  const events = new SharedEvents(services.registry);
  app.get<OneMachine & { Querystring: MachineWait }>(
    '/v1/apps/:app/machines/:id/wait',
    { config: READ, schema: { querystring: MACHINE_WAIT } },
    async (request, reply) => {
      const { id } = request.params;
      const { instance_id: version = id, state = 'started', timeout } = request.query;
      if (version !== id) throw missing(request.params, `it has no version "${version}"`);
      const seconds = timeout === undefined ? WAIT_TIMEOUT_MAX_S : Number(timeout);
      const signal = waitSignal(reply, seconds);
      if (await waitFor({ ...services, events }, request, state, signal)) return { ok: true };
      const late = new P6nError(
        'TIMED_OUT',
        `Cannot wait for machine "${id}": it was not ${state} within ${seconds} s`,
      );
      return await reply.code(TIMED_OUT_STATUS).send(errorBody(late));
    },
  );
}

function metadataRoutes(app: FastifyInstance, services: MachineServices): void {
  app.get<OneMachine>('/v1/apps/:app/machines/:id/metadata', { config: READ }, async (request) =>
    metadataOf(await find(services, request)),
  );

  app.post<OneKey & { Body: SetMetadata }>(
    '/v1/apps/:app/machines/:id/metadata/:key',
    { config: CHANGE, schema: { body: SET_METADATA } },
    async (request, reply) => {
      await setMetadata(services, request, request.params.key, request.body.value);
      return await reply.code(204).send();
    },
  );

  app.delete<OneKey>(
    '/v1/apps/:app/machines/:id/metadata/:key',
    { config: CHANGE },
    async (request, reply) => {
      await setMetadata(services, request, request.params.key, undefined);
      return await reply.code(204).send();
    },
  );
}

async function find(services: MachineServices, asked: Asked): Promise<InstanceView> {
  const { params, principal } = asked;
  const filter = { app: params.app };
  const isWanted = (one: InstanceView): boolean => one.id === params.id;
  // This host knows its own without a server.
  const own = (await ownInstances(services, principal, filter)).find(isWanted);
  const found = own ?? (await allInstances(services, principal, filter)).find(isWanted);
  const [shown] = found === undefined ? [] : await shownTo(services, principal, [found]);
  if (shown === undefined) throw missing(params, 'there is none of that id');
  return shown;
}

/** A token is for an app, not for what had the app's name before it. */
async function shownTo(
  { registry }: MachineServices,
  principal: Principal,
  instances: readonly InstanceView[],
): Promise<readonly InstanceView[]> {
  if (principal.kind !== 'token') return instances;
  const areShown = new Map<number, boolean>();
  for (const instance of instances) {
    const { network_id: id } = instance;
    if (areShown.has(id)) continue;
    areShown.set(id, (await appOf(registry, principal, instance)) !== undefined);
  }
  return instances.filter(({ network_id: id }) => areShown.get(id));
}

/** Whether the machine was in `state` before `signal` aborts. Throws NOT_FOUND if there is none. */
async function waitFor(
  { events, ...services }: MachineServices & { readonly events: SharedEvents },
  asked: Asked,
  state: NonNullable<MachineWait['state']>,
  signal: AbortSignal,
): Promise<boolean> {
  const { params, principal } = asked;
  if ((await find(services, asked)).state === state) return true;
  const isThere = async (): Promise<boolean> => {
    try {
      return (await find(services, asked)).state === state;
    } catch (error) {
      const isGone = error instanceof P6nError && error.code === 'NOT_FOUND';
      if (isGone && state === 'destroyed') return true;
      throw error;
    }
  };
  const concerns = ({ objects }: EventView): boolean =>
    objects.length === 0 || objects.some(({ id }) => id === params.id);
  for await (const _ of events.follow(principal, concerns, signal)) {
    if (await isThere()) return true;
  }
  return false;
}

/** Aborts after `seconds`, or when whoever waits goes away. */
function waitSignal(reply: FastifyReply, seconds: number): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, AbortSignal.timeout(seconds * 1_000)]);
}

async function setMetadata(
  { instances, ...services }: MachineServices,
  asked: Asked,
  key: string,
  value: string | undefined,
): Promise<void> {
  if (key === PROCESS_GROUP_KEY) {
    throw new P6nError('VALUE_INVALID', `Cannot set metadata "${key}": it is the machine's group`, {
      hint: 'A machine keeps the group that it was made with.',
    });
  }
  const { host, host_id: hostId, id } = await find({ instances, ...services }, asked);
  if (hostId !== instances.hostId()) {
    throw new P6nError('NOT_PERMITTED', `Cannot change machine "${id}": it is on host "${host}"`, {
      hint: 'Ask p6nd of that host.',
    });
  }
  await instances.setMetadata(asked.principal, id, { key, value });
}

async function machineViews(
  { instances, registry }: MachineServices,
  principal: Principal,
  found: readonly InstanceView[],
): Promise<readonly MachineView[]> {
  const here = instances.hostId();
  const statuses = new Map<number, MachineView['host_status']>([[here, 'ok']]);
  if (found.some(({ host_id: id }) => id !== here)) {
    const { hosts } = await registry.listHosts(principal);
    for (const { id, liveness } of hosts) {
      if (id !== here) statuses.set(id, HOST_STATUS[liveness]);
    }
  }
  return found.map((one) => machineView(one, statuses.get(one.host_id) ?? 'unknown'));
}

function machineView(instance: InstanceView, hostStatus: MachineView['host_status']): MachineView {
  const { health } = instance;
  const status = health === 'failing' ? 'critical' : 'passing';
  return {
    id: instance.id,
    name: instance.name,
    state: instance.state,
    region: instance.region,
    instance_id: instance.id,
    private_ip: instance.address,
    created_at: new Date(instance.created_at).toISOString(),
    updated_at: new Date(instance.updated_at).toISOString(),
    config: {
      metadata: metadataOf(instance),
      services: (instance.services ?? []).map(({ port, protocol }) => ({
        protocol,
        internal_port: port,
      })),
    },
    checks: health === undefined ? [] : [{ name: 'health', status }],
    host_status: hostStatus,
  };
}

function metadataOf({ group, metadata }: InstanceView): MachineMetadata {
  return { ...metadata, [PROCESS_GROUP_KEY]: group };
}

/** Empty texts stand for no filter, as elsewhere. */
function fitsMachineFilter(machine: MachineView, filter: MachineFilter): boolean {
  return Object.entries(filter).every(([key, wanted]) => {
    if (key === 'region') return wanted === '' || wanted === machine.region;
    if (key === 'state') return wanted === '' || wanted.split(',').includes(machine.state);
    if (!key.startsWith(METADATA_FILTER_PREFIX)) return true;
    const name = key.slice(METADATA_FILTER_PREFIX.length);
    const { metadata } = machine.config;
    return Object.hasOwn(metadata, name) && metadata[name] === wanted;
  });
}

function missing({ app, id }: OneMachine['Params'], facts: string): P6nError {
  return new P6nError('NOT_FOUND', `Cannot find machine "${id}" of app "${app}": ${facts}`, {
    hint: '`p6nctl instances list` shows the instances and their apps.',
  });
}
