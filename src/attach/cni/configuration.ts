// What a container engine says to the plugin: the network's configuration on standard input and the
// container in the environment. Both are checked here, once; what they do not say is undefined.

import { CNI_NETWORK_NAME_PATTERN, CNI_VERSIONS } from '../../api/contract/cni.ts';
import { DEFAULT_SOCKET } from '../../api/contract/protocol.ts';
import {
  badConfiguration,
  badEnvironment,
  CniCode,
  CniError,
  type CniVersion,
  isVersion,
} from './protocol.ts';

const CONTAINER_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** IFNAMSIZ of Linux less the final zero. */
const INTERFACE_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,15}$/;
const VALID_ATTACHMENTS_KEY = 'cni.dev/valid-attachments';
/** The capability by which containerd and CRI-O hand over a pod's annotations. */
const ANNOTATIONS_KEY = 'io.kubernetes.cri.pod-annotations';
const ANNOTATION_PREFIX = 'p6n/';
const ARGUMENT_PREFIX = 'P6N_';

type Fields = Readonly<Record<string, unknown>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** A result as far as it is looked at; whatever else stands in it is passed on. */
export interface PreviousResult {
  readonly interfaces?: readonly Fields[];
  readonly ips?: readonly Fields[];
  readonly routes?: readonly Fields[];
  readonly dns?: Fields;
}

export interface Network {
  readonly name: string;
  readonly version: CniVersion;
  readonly socket: string;
  /** Of the plugin before this one in the chain. */
  readonly previous: PreviousResult | undefined;
  readonly fields: Fields;
}

export interface Container {
  readonly id: string;
  readonly interfaceName: string;
}

/** The instance that a container is to be. */
export interface Membership {
  readonly app: string;
  readonly group: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The fields of a configuration in `text`; throws CniErrors. */
export function parseFields(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const facts = error instanceof Error ? error.message : String(error);
    throw new CniError(CniCode.InputUndecodable, `Cannot read the network: ${facts}`);
  }
  if (isFields(value)) return value;
  throw new CniError(CniCode.InputUndecodable, 'Cannot read the network: it is no JSON object');
}

export function parseNetwork(fields: Fields): Network {
  const { cniVersion: version, name, prevResult, socket = DEFAULT_SOCKET } = fields;
  if (!isVersion(version)) {
    throw new CniError(
      CniCode.IncompatibleVersion,
      `Cannot use CNI version ${JSON.stringify(version) ?? 'none'}`,
      `Supported are ${CNI_VERSIONS.join(', ')}`,
    );
  }
  if (typeof name !== 'string' || !CNI_NETWORK_NAME_PATTERN.test(name)) {
    throw badConfiguration('name', 'it is not the name of a network');
  }
  if (typeof socket !== 'string' || !socket.startsWith('/')) {
    throw badConfiguration('socket', 'it is not an absolute path');
  }
  const previous = prevResult === undefined ? undefined : parsePrevious(prevResult);
  return { name, version, socket, previous, fields };
}

/** What takes a container away again bears one that could never be added. */
export function requireNoAddresses({ ipam }: Fields): void {
  if (!isFields(ipam) || Object.keys(ipam).length === 0) return;
  throw new CniError(
    CniCode.UnsupportedField,
    `Cannot use "ipam" of the network: ${JSON.stringify(ipam).slice(0, 200)}`,
    'p6n gives out the addresses itself.',
  );
}

export function parseContainer(environment: Environment): Container {
  const { CNI_CONTAINERID: id = '', CNI_IFNAME: interfaceName = '' } = environment;
  if (!CONTAINER_ID_PATTERN.test(id)) {
    throw badEnvironment('CNI_CONTAINERID', 'it is not the id of a container');
  }
  if (!INTERFACE_PATTERN.test(interfaceName)) {
    throw badEnvironment('CNI_IFNAME', 'it is not the name of an interface');
  }
  return { id, interfaceName };
}

export function parseNamespace({ CNI_NETNS: path = '' }: Environment): string {
  if (path.startsWith('/')) return path;
  throw badEnvironment('CNI_NETNS', 'it is not the path of a namespace');
}

/**
 * Which app the container is an instance of: CNI_ARGS say it before the annotations of a pod, and
 * these before the configuration. Undefined when nobody does.
 */
export function parseMembership(fields: Fields, environment: Environment): Membership | undefined {
  const facts: Fields = {
    ...configured(fields),
    ...annotated(fields),
    ...argued(environment['CNI_ARGS'] ?? ''),
  };
  const { app, group, ...others } = facts;
  const metadata: [string, string][] = [];
  for (const [key, value] of Object.entries(others)) {
    if (typeof value !== 'string') throw badConfiguration(key, 'it is not a text');
    if (key.startsWith('metadata-')) metadata.push([key.slice('metadata-'.length), value]);
  }
  if (app === undefined) return undefined;
  if (typeof app !== 'string') throw badConfiguration('app', 'it is not a text');
  if (group !== undefined && typeof group !== 'string') {
    throw badConfiguration('group', 'it is not a text');
  }
  return { app, group, metadata: Object.fromEntries(metadata) };
}

/** The containers that the engine still knows, for GC. */
export function parseValidAttachments(fields: Fields): readonly Container[] {
  const list = fields[VALID_ATTACHMENTS_KEY];
  if (!Array.isArray(list)) throw badConfiguration(VALID_ATTACHMENTS_KEY, 'it is not a list');
  return list.map((one: unknown) => {
    const { containerID: id, ifname: interfaceName } = isFields(one) ? one : {};
    if (typeof id === 'string' && typeof interfaceName === 'string') return { id, interfaceName };
    throw badConfiguration(VALID_ATTACHMENTS_KEY, 'it lists what is no attachment');
  });
}

function parsePrevious(value: unknown): PreviousResult {
  if (!isFields(value)) throw badConfiguration('prevResult', 'it is not an object');
  const { dns = {}, interfaces = [], ips = [], routes = [] } = value;
  // Some plugins write null for what they leave out.
  for (const list of [interfaces, ips, routes]) {
    if (list === null || (Array.isArray(list) && list.every(isFields))) continue;
    throw badConfiguration('prevResult', 'it is not a result');
  }
  if (dns !== null && !isFields(dns)) throw badConfiguration('prevResult', 'it is not a result');
  return value as PreviousResult;
}

function configured({ app, group, metadata }: Fields): Fields {
  if (metadata !== undefined && !isFields(metadata)) {
    throw badConfiguration('metadata', 'it is not an object');
  }
  return { ...defined({ app, group }), ...prefixed(metadata ?? {}) };
}

/** `p6n/app`, `p6n/group` and `p6n/metadata-KEY`, where the network lets pods choose. */
function annotated({ runtimeConfig }: Fields): Fields {
  const annotations = isFields(runtimeConfig) ? runtimeConfig[ANNOTATIONS_KEY] : undefined;
  if (!isFields(annotations)) return {};
  const ours = Object.entries(annotations).filter(([key]) => key.startsWith(ANNOTATION_PREFIX));
  return Object.fromEntries(
    ours.map(([key, value]) => [key.slice(ANNOTATION_PREFIX.length), value]),
  );
}

/** `P6N_APP=web;P6N_GROUP=worker;P6N_METADATA_KEY=VALUE`, among the words of others. */
function argued(text: string): Fields {
  const facts: Record<string, string> = {};
  for (const pair of text.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || !pair.startsWith(ARGUMENT_PREFIX)) continue;
    const key = pair.slice(ARGUMENT_PREFIX.length, equals);
    const value = pair.slice(equals + 1);
    if (key === 'APP' || key === 'GROUP') facts[key.toLowerCase()] = value;
    else if (key.startsWith('METADATA_'))
      facts[`metadata-${key.slice('METADATA_'.length)}`] = value;
    else throw badEnvironment('CNI_ARGS', `${ARGUMENT_PREFIX}${key} is unknown`);
  }
  return facts;
}

function prefixed(metadata: Fields): Fields {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [`metadata-${key}`, value]),
  );
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
