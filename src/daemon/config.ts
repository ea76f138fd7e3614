// The configuration of p6nd: flags before environment (`P6N_STATE_DIR`) before the keys of a JSON
// file (`"state-dir"`) before defaults. Everything is checked here, once, before anything is
// touched.

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import yargs from 'yargs';
import { DEFAULT_REGION, NAME_LENGTH_MAX, requireName } from '../addressing/names.ts';
import { API_PORT } from '../addressing/ports.ts';
import { DEFAULT_SOCKET } from '../api/contract/protocol.ts';
import { P6nError } from '../base/errors.ts';
import { type HostPort, parseHostPort } from '../ip/host-port.ts';
import { parseIpv6 } from '../ip/ipv6-address.ts';
import { isUpstreamAddress, UPSTREAMS_MAX } from '../nameserver/resolv-conf.ts';
import { type Offloads, parseOffloads } from '../os/offloads.ts';
import { parseRegistryPlace, type RegistryPlace } from './registry-place.ts';

export const LOG_LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];
/** Inside never less than IPv6 asks of every link (RFC 8200, section 5). */
export const MTU_MIN = 1280;
/** 1500 less 80 for WireGuard over IPv6. */
export const MTU_DEFAULT = 1420;
/** Jumbo frames with WireGuard's headers inside. */
const MTU_MAX = 9000;
const LISTEN_PORT_DEFAULT = 51_820;
const GATEWAY_PORT_DEFAULT = 51_821;
export const ENDPOINTS_MAX = 8;
const DOCKER_SOCKET = '/run/docker/plugins/p6n.sock';

export interface DaemonConfig {
  readonly stateDir: string;
  readonly socket: string;
  readonly name: string;
  /** Undefined where nothing says it: what the invite says, else `local`. */
  readonly region: string | undefined;
  readonly listenPort: number;
  /** Where WireGuard peers are served, once there are any. */
  readonly gatewayPort: number;
  /** `HOST:PORT`; empty for "the addresses of this machine's interfaces". */
  readonly endpoints: readonly string[];
  /** The file of an invite's token, `-` for standard input. */
  readonly join: string | undefined;
  readonly registry: RegistryPlace;
  readonly mtu: number;
  /** Resolvers for names outside of `.internal`; empty for those of the host's resolv.conf. */
  readonly upstreams: readonly string[];
  /** Where Docker finds its network driver; undefined for nowhere. */
  readonly docker: string | undefined;
  /** Where the metrics are read besides the unix socket; undefined for nowhere. */
  readonly metrics: HostPort | undefined;
  /** Where the API is served to programs of this host with tokens; undefined for nowhere. */
  readonly api: HostPort | undefined;
  /** Where it is served to all others with tokens, with the files of TLS. */
  readonly apiTls: ApiTls | undefined;
  readonly logLevel: string;
  readonly offloads: Offloads;
  /** Only takes from the machine what an earlier p6nd has left. */
  readonly reset: boolean;
}

export interface ApiTls {
  readonly place: HostPort;
  readonly cert: string;
  readonly key: string;
}

interface OptionSpec {
  readonly describe: string;
  readonly list?: true;
}

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  'state-dir': { describe: 'folder of identity, registry and instances [/var/lib/p6n]' },
  socket: { describe: `unix socket that p6nctl speaks to [${DEFAULT_SOCKET}]` },
  name: { describe: 'name of this host [from the host name]' },
  region: { describe: `region of this host [${DEFAULT_REGION}]` },
  'listen-port': { describe: `UDP port of WireGuard [${LISTEN_PORT_DEFAULT}]` },
  'gateway-port': { describe: `UDP port for WireGuard peers [${GATEWAY_PORT_DEFAULT}]` },
  endpoint: { describe: 'HOST:PORT where others reach this host; may be repeated', list: true },
  join: { describe: 'file with the token of `p6nctl hosts invite`; - for standard input' },
  registry: { describe: 'where a server keeps its registry: sqlite, or etcd://HOST:PORT,...' },
  'registry-ca': { describe: 'file with the CA of etcd, PEM' },
  'registry-cert': { describe: 'file with the certificate to show to etcd, PEM' },
  'registry-key': { describe: 'file with its key, PEM' },
  'registry-user': { describe: 'user of etcd' },
  'registry-password-file': { describe: 'file with the password of that user' },
  mtu: { describe: `MTU inside the networks [${MTU_DEFAULT}]` },
  upstream: { describe: 'resolver for other names; may be repeated', list: true },
  offloads: { describe: 'offloads that stay on: tun-tcp,tun-udp,udp-gso,udp-gro or none [all]' },
  docker: { describe: 'serve Docker: on, off, or the path of a socket [off]' },
  api: { describe: 'loopback ADDRESS:PORT that serves the API to tokens [none]' },
  'api-tls': { describe: 'ADDRESS:PORT that serves the API to tokens with TLS [none]' },
  'api-cert': { describe: 'file with the certificate of --api-tls, PEM' },
  'api-key': { describe: 'file with its key, PEM' },
  metrics: { describe: 'loopback ADDRESS:PORT that serves metrics to Prometheus [none]' },
  'log-level': { describe: `one of ${LOG_LEVELS.join(', ')} [info]` },
};

/** A flag alone: no file and no environment of a p6nd that runs for ever may hold it. */
const RESET = 'reset';

/** Flags are what stands in OPTIONS, and nothing that can be made of it. */
const PARSER_CONFIGURATION = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': true,
  'parse-numbers': false,
};

type Raw = Readonly<Record<string, string | readonly string[]>>;

/**
 * The configuration from the words of the command line and the environment. Undefined when the
 * words asked for help or the version, which are printed. Throws USAGE, CONFIG_INVALID,
 * NAME_INVALID or VALUE_INVALID.
 */
export async function readConfig(
  words: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<DaemonConfig | undefined> {
  const flags = await readFlags(words);
  if (flags === undefined) return undefined;
  const fromEnvironment = readEnvironment(environment);
  const file = single(flags, 'config') ?? single(fromEnvironment, 'config');
  const raw: Raw = { ...(file === undefined ? {} : readFile(file)), ...fromEnvironment, ...flags };
  return validate(raw);
}

/** What a service manager says to the process that it starts. */
export interface ServiceEnvironment {
  /** Of sd_notify(3); undefined where nobody listens. */
  readonly notifySocket: string | undefined;
  /**
   * How often the service manager wants to hear of p6nd, milliseconds; undefined for not at all.
   */
  readonly watchdogMs: number | undefined;
}

export function readServiceEnvironment(
  environment: NodeJS.ProcessEnv = process.env,
): ServiceEnvironment {
  const { NOTIFY_SOCKET, WATCHDOG_PID, WATCHDOG_USEC } = environment;
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const watchdogMs = isOurs && WATCHDOG_USEC !== undefined ? Number(WATCHDOG_USEC) / 1000 : 0;
  return {
    notifySocket: NOTIFY_SOCKET === '' ? undefined : NOTIFY_SOCKET,
    watchdogMs: watchdogMs > 0 ? watchdogMs : undefined,
  };
}

async function readFlags(words: readonly string[]): Promise<Raw | undefined> {
  let problem: string | undefined;
  let asked = false;
  const parser = yargs()
    .scriptName('p6nd')
    .usage(
      'p6nd [check-config] [OPTIONS]\n\nThe daemon of p6n: private IPv6 networks for the ' +
        'workloads of this host.',
    )
    .option('config', { type: 'string', requiresArg: true, describe: 'JSON file with these keys' })
    .option(RESET, { type: 'boolean', describe: 'end the instances, remove the interfaces, exit' })
    .strict()
    .parserConfiguration(PARSER_CONFIGURATION)
    .exitProcess(false)
    .fail((message, error) => {
      problem = message ?? String(error);
    });
  for (const [name, { describe, list }] of Object.entries(OPTIONS)) {
    parser.option(name, { type: 'string', requiresArg: true, describe, array: list === true });
  }
  const parsed = await parser.parseAsync(words, {}, (_error, _argv, output) => {
    if (output !== '' && problem === undefined) {
      asked = true;
      process.stdout.write(`${output}\n`);
    }
  });
  if (problem !== undefined) throw usage(problem);
  if (asked) return undefined;
  const flags: Record<string, string | readonly string[]> = {};
  for (const name of ['config', ...Object.keys(OPTIONS)]) {
    const value = parsed[name];
    if (typeof value === 'string') flags[name] = value;
    else if (Array.isArray(value)) flags[name] = list(name, value.map(String));
  }
  if (parsed[RESET] === true) flags[RESET] = 'yes';
  return flags;
}

/** A flag that is no list may stand once only. */
function list(name: string, values: readonly string[]): string | readonly string[] {
  if (OPTIONS[name]?.list === true) return values;
  throw usage(`--${name} stands more than once`);
}

function readEnvironment(environment: NodeJS.ProcessEnv): Raw {
  const values: Record<string, string | readonly string[]> = {};
  for (const name of ['config', ...Object.keys(OPTIONS)]) {
    const value = environment[`P6N_${name.toUpperCase().replaceAll('-', '_')}`];
    if (value === undefined || value === '') continue;
    values[name] = OPTIONS[name]?.list === true ? value.split(',') : value;
  }
  return values;
}

function readFile(path: string): Raw {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new P6nError('CONFIG_INVALID', `Cannot read configuration ${path}: ${facts(cause)}`, {
      cause,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new P6nError(
      'CONFIG_INVALID',
      `Cannot use configuration ${path}: it is not a JSON object`,
    );
  }
  const values: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(parsed)) {
    const spec = OPTIONS[name];
    if (spec === undefined) {
      throw new P6nError(
        'CONFIG_INVALID',
        `Cannot use configuration ${path}: unknown key "${name}"`,
        {
          hint: `The keys are: ${Object.keys(OPTIONS).join(' ')}.`,
        },
      );
    }
    if (typeof value === 'string' || typeof value === 'number') values[name] = String(value);
    else if (spec.list === true && isTextList(value)) values[name] = value;
    else
      throw new P6nError(
        'CONFIG_INVALID',
        `Cannot use configuration ${path}: bad value of "${name}"`,
      );
  }
  return values;
}

function validate(raw: Raw): DaemonConfig {
  const name = single(raw, 'name') ?? defaultName();
  requireName('host', name);
  const region = single(raw, 'region');
  if (region !== undefined) requireName('region', region);
  const logLevel = single(raw, 'log-level') ?? 'info';
  if (!LOG_LEVELS.includes(logLevel)) {
    throw invalid('log-level', logLevel, `it is one of ${LOG_LEVELS.join(', ')}`);
  }
  return {
    stateDir: resolve(single(raw, 'state-dir') ?? '/var/lib/p6n'),
    socket: resolve(single(raw, 'socket') ?? DEFAULT_SOCKET),
    name,
    region,
    listenPort: listenPort(raw),
    gatewayPort: gatewayPort(raw),
    endpoints: many(raw, 'endpoint', ENDPOINTS_MAX).map(requireEndpoint),
    join: single(raw, 'join'),
    registry: registryPlace(raw),
    mtu: integer(raw, 'mtu', MTU_DEFAULT, MTU_MIN, MTU_MAX),
    upstreams: many(raw, 'upstream', UPSTREAMS_MAX).map(requireUpstream),
    docker: dockerSocket(single(raw, 'docker') ?? 'off'),
    metrics: loopbackPort(raw, 'metrics'),
    api: loopbackPort(raw, 'api'),
    apiTls: apiTls(raw),
    logLevel,
    offloads: parseOffloads(single(raw, 'offloads')),
    reset: raw[RESET] !== undefined,
  };
}

function listenPort(raw: Raw): number {
  return integer(raw, 'listen-port', LISTEN_PORT_DEFAULT, 1, 65_535);
}

function gatewayPort(raw: Raw): number {
  const port = integer(raw, 'gateway-port', GATEWAY_PORT_DEFAULT, 1, 65_535);
  if (port !== listenPort(raw)) return port;
  throw invalid('gateway-port', String(port), 'it is that of --listen-port');
}

/** The name of the file is that of the driver: `docker network create -d p6n`. */
function dockerSocket(text: string): string | undefined {
  if (text === 'off') return undefined;
  if (text === 'on') return DOCKER_SOCKET;
  if (text.startsWith('/') && text.endsWith('.sock')) return text;
  throw invalid('docker', text, 'it is on, off, or an absolute path that ends in .sock');
}

/** Without TLS: it leaves the machine by what the operator puts before it. */
function loopbackPort(raw: Raw, name: string): HostPort | undefined {
  const text = single(raw, name);
  if (text === undefined) return undefined;
  const place = parseHostPort(text);
  if (place !== undefined && /^(?:127\.\d+\.\d+\.\d+|::1)$/.test(place.host)) return place;
  throw invalid(name, text, 'it is a loopback address with a port, as 127.0.0.1:9176');
}

function apiTls(raw: Raw): ApiTls | undefined {
  const text = single(raw, 'api-tls');
  const [cert, key] = [single(raw, 'api-cert'), single(raw, 'api-key')];
  if (text === undefined && cert === undefined && key === undefined) return undefined;
  if (text === undefined || cert === undefined || key === undefined) {
    throw usage('--api-tls, --api-cert and --api-key go together');
  }
  const place = parseHostPort(text);
  // A listener on all addresses would keep the one of every network from its port.
  const isTaken = place?.port === API_PORT && parseIpv6(place.host)?.every((byte) => byte === 0);
  if (place !== undefined && isTaken !== true)
    return { place, cert: resolve(cert), key: resolve(key) };
  const rule = `it is an address with a port, as 192.0.2.1:4280, and not [::]:${API_PORT}`;
  throw invalid('api-tls', text, rule);
}

function registryPlace(raw: Raw): RegistryPlace {
  const path = (name: string): string | undefined => {
    const value = single(raw, name);
    return value === undefined ? undefined : resolve(value);
  };
  return parseRegistryPlace({
    registry: single(raw, 'registry'),
    ca: path('registry-ca'),
    certificate: path('registry-cert'),
    key: path('registry-key'),
    user: single(raw, 'registry-user'),
    passwordFile: path('registry-password-file'),
  });
}

/** The first label of the machine's name, made to fit the rule for host names. */
function defaultName(): string {
  const label = (hostname().split('.')[0] ?? '').toLowerCase().replaceAll(/[^a-z0-9-]/g, '-');
  return (/^[a-z]/.test(label) ? label : `host-${label}`).slice(0, NAME_LENGTH_MAX);
}

function requireEndpoint(text: string): string {
  if (parseHostPort(text) !== undefined) return text;
  throw invalid('endpoint', text, 'it is HOST:PORT, [IPV6]:PORT or IPV4:PORT');
}

function requireUpstream(text: string): string {
  if (isUpstreamAddress(text)) return text;
  throw invalid('upstream', text, 'it is an IPv4 or IPv6 address, and none of this name server');
}

function integer(raw: Raw, name: string, fallback: number, min: number, max: number): number {
  const text = single(raw, name);
  if (text === undefined) return fallback;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw invalid(name, text, `it is a number from ${min} to ${max}`);
}

function single(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  return typeof value === 'string' ? value : value?.[0];
}

function many(raw: Raw, name: string, countMax: number): readonly string[] {
  const value = raw[name] ?? [];
  const values = typeof value === 'string' ? [value] : value;
  if (values.length > countMax) throw invalid(name, values.join(','), `${countMax} at most`);
  return values;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function invalid(name: string, value: string, rule: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot use "${value}" as --${name}: ${rule}`);
}

function usage(problem: string): P6nError {
  const message = `Cannot start p6nd: ${problem.replaceAll('\n', ' ')}`;
  return new P6nError('USAGE', message, { hint: '`p6nd --help` lists the options.' });
}

function facts(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
