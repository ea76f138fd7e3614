// One call of the CNI plugin: from environment and standard input to what is written and the exit
// code. p6nd does the work and remembers the container as the owner of its instance, so each
// command may come twice, late or for a container that nobody knows.

import type { ClientPart } from '../../api/client.ts';
import { CNI_VERSIONS } from '../../api/contract/cni.ts';
import type { InstanceView } from '../../api/contract/instances.ts';
import { P6nError } from '../../base/errors.ts';
import {
  type Container,
  type Environment,
  type Network,
  parseContainer,
  parseFields,
  parseMembership,
  parseNamespace,
  parseNetwork,
  parseValidAttachments,
  requireNoAddresses,
} from './configuration.ts';
import { requireInterface } from './namespace-check.ts';
import {
  allowsCommand,
  asCniError,
  badConfiguration,
  badEnvironment,
  CniCode,
  type CniCommand,
  CniError,
  formatError,
  isCommand,
  isVersion,
  NEWEST_VERSION,
} from './protocol.ts';
import { interfaceWith, makeResult, passOn, ROUTE } from './result.ts';

/** Of the interface behind that of another plugin, which has the engine's own name. */
const CHAINED_INTERFACE = 'p6n0';

export type CniClient = ClientPart<'instances', 'attach' | 'list' | 'remove'> &
  ClientPart<'apps', 'get'> &
  ClientPart<'host', 'status'>;

export interface Invocation {
  readonly environment: Environment;
  /** Reads standard input to its end; rejects with a CniError. */
  readonly readInput: () => Promise<string>;
  /** The p6nd behind a socket. */
  readonly connect: (socket: string) => CniClient;
}

export interface Outcome {
  readonly exitCode: 0 | 1;
  readonly output: string;
}

interface Call {
  readonly network: Network;
  readonly environment: Environment;
  readonly client: CniClient;
}

/** Never rejects: what goes wrong is an error object of the specification. */
export async function runPlugin(invocation: Invocation): Promise<Outcome> {
  let version = NEWEST_VERSION;
  try {
    const { CNI_COMMAND: command = '' } = invocation.environment;
    if (!isCommand(command)) {
      throw badEnvironment('CNI_COMMAND', 'p6n-cni is run by container engines, with a command');
    }
    const fields = parseFields(await invocation.readInput());
    const { cniVersion: asked } = fields;
    if (isVersion(asked)) version = asked;
    const output =
      command === 'VERSION'
        ? { cniVersion: asked ?? version, supportedVersions: CNI_VERSIONS }
        : await serve(command, parseNetwork(fields), invocation);
    const text = output === undefined ? '' : `${JSON.stringify(output)}\n`;
    return { exitCode: 0, output: text };
  } catch (error) {
    return { exitCode: 1, output: formatError(asCniError(error), version) };
  }
}

async function serve(
  command: Exclude<CniCommand, 'VERSION'>,
  network: Network,
  { connect, environment }: Invocation,
): Promise<object | undefined> {
  if (!allowsCommand(network.version, command)) {
    throw new CniError(
      CniCode.IncompatibleVersion,
      `Cannot ${command}: version ${network.version} of the network does not have it`,
    );
  }
  const call = { network, environment, client: connect(network.socket) };
  switch (command) {
    case 'ADD':
      return await add(call);
    case 'CHECK':
      return await check(call);
    case 'DEL':
      return await remove(call);
    case 'GC':
      return await collect(call);
    case 'STATUS':
      return await requireReady(call);
  }
}

async function add({ client, environment, network }: Call): Promise<object> {
  requireNoAddresses(network.fields);
  const container = parseContainer(environment);
  const namespace = parseNamespace(environment);
  const membership = parseMembership(network.fields, environment);
  if (membership === undefined) {
    if (network.previous !== undefined) return passOn(network);
    throw badConfiguration('app', 'neither the network nor CNI_ARGS name an app');
  }
  const { app, group, metadata } = membership;
  const interfaceName = interfaceOf(network, container);
  const instance = await client.instances.attach({
    app,
    metadata,
    ...(group === undefined ? {} : { group }),
    netns: namespace,
    interface: interfaceName,
    owner: ownerOf(network, container),
  });
  return makeResult(network, { instance, interfaceName, namespace });
}

async function check({ client, environment, network }: Call): Promise<undefined> {
  const container = parseContainer(environment);
  const namespace = parseNamespace(environment);
  const { previous } = network;
  if (previous === undefined) throw badConfiguration('prevResult', 'CHECK needs it');
  if (parseMembership(network.fields, environment) === undefined) return;
  const owner = ownerOf(network, container);
  const instance = (await ownedInstances(client)).find(({ here }) => here?.owner === owner);
  if (instance?.state !== 'started') throw changed('the container is no running instance');
  const { problem } = instance.here ?? {};
  if (problem !== undefined) throw changed(problem);
  const { address } = instance;
  const name = interfaceWith(previous, address);
  if (name === undefined) throw changed(`the result of ADD does not have ${address}`);
  await requireInterface(namespace, { name, address, route: ROUTE });
}

/** A container that is gone already, or never was, is removed as well. */
async function remove({ client, environment, network }: Call): Promise<undefined> {
  const owner = ownerOf(network, parseContainer(environment));
  await removeInstances(client, (other) => other === owner);
}

/** Removes the network's instances of containers that the engine does not know any more. */
async function collect({ client, network }: Call): Promise<undefined> {
  const valid = new Set(
    parseValidAttachments(network.fields).map((container) => ownerOf(network, container)),
  );
  const prefix = ownerPrefix(network);
  await removeInstances(client, (owner) => owner.startsWith(prefix) && !valid.has(owner));
}

async function requireReady({ client, environment, network }: Call): Promise<undefined> {
  requireNoAddresses(network.fields);
  try {
    await client.host.status();
  } catch (error) {
    const { details, message } = asCniError(error);
    throw new CniError(CniCode.NotReadyAndLimited, message, details);
  }
  const app = parseMembership(network.fields, environment)?.app;
  if (app === undefined) return;
  try {
    await client.apps.get(app);
  } catch (error) {
    // An app that is in use here starts without a server, too.
    if (!(error instanceof P6nError) || error.code !== 'NOT_FOUND') return;
    throw new CniError(CniCode.NotReady, error.message, error.hint);
  }
}

/** Removes as many as it can; rejects with the first failure after that. */
async function removeInstances(
  client: CniClient,
  isMeant: (owner: string) => boolean,
): Promise<void> {
  const failures: unknown[] = [];
  for (const { here, id } of await ownedInstances(client)) {
    if (here?.owner === undefined || !isMeant(here.owner)) continue;
    try {
      await client.instances.remove(id, { force: true });
    } catch (error) {
      // p6nd may have seen by itself that the namespace is gone.
      if (!(error instanceof P6nError) || error.code !== 'NOT_FOUND') failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function ownedInstances(client: CniClient): Promise<readonly InstanceView[]> {
  return (await client.instances.list({ here: '1' })).instances;
}

function interfaceOf({ previous }: Network, { interfaceName }: Container): string {
  return previous === undefined ? interfaceName : CHAINED_INTERFACE;
}

/** None of the parts has a slash in it. */
function ownerOf(network: Network, { id, interfaceName }: Container): string {
  return `${ownerPrefix(network)}${id}/${interfaceName}`;
}

function ownerPrefix({ name }: Network): string {
  return `cni/${name}/`;
}

function changed(facts: string): CniError {
  return new CniError(CniCode.Changed, `Cannot confirm the container's network: ${facts}`);
}
