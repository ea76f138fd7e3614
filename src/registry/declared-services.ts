// What an instance declares to serve and how that is checked: the rules, for its host before
// anything is made and for the registry before anything is written; and their form in records.

import type { InstanceCheck, InstanceHealth, InstanceService } from './model.ts';

export const SERVICES_MAX = 32;
export const CHECKS_MAX = 8;
export const CHECK_PATH_LENGTH_MAX = 1_024;
const PORT_MAX = 65_535;

/** RFC 6335 section 5.1, in lower case and beginning with a letter. */
const SERVICE_NAME_PATTERN = /^[a-z](?:-?[a-z0-9]){0,14}$/;
const SERVICE_NAME_LENGTH_MAX = 15;
/** What an HTTP request takes as a path, byte by byte. */
const CHECK_PATH_PATTERN = /^\/[\x21-\x7e]*$/;

export interface Declared {
  readonly services?: readonly InstanceService[] | undefined;
  readonly checks?: readonly InstanceCheck[] | undefined;
}

/** What is wrong with the declarations of an instance, as a part of a sentence, or undefined. */
export function declarationProblem({ services = [], checks = [] }: Declared): string | undefined {
  if (services.length > SERVICES_MAX) return `it has more than ${SERVICES_MAX} services`;
  if (checks.length > CHECKS_MAX) return `it has more than ${CHECKS_MAX} checks`;
  const known = new Set<string>();
  for (const { name, port, protocol } of services) {
    if (name.length > SERVICE_NAME_LENGTH_MAX || !SERVICE_NAME_PATTERN.test(name)) {
      return `"${name.slice(0, 64)}" is no name of a service (1 to 15 letters, digits and dashes)`;
    }
    if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) {
      return `the port of service "${name}" is not 1 to ${PORT_MAX}`;
    }
    if (known.has(`${name}/${protocol}`)) return `service "${name}" is declared twice`;
    known.add(`${name}/${protocol}`);
  }
  for (const check of checks) {
    if (!known.has(`${check.service}/tcp`)) {
      return `a check is for "${check.service.slice(0, 64)}", which is no service over TCP of it`;
    }
    if (check.type === 'http' && !isCheckPath(check.path)) {
      return `the path of the check of "${check.service}" is not one of a URL`;
    }
  }
  return undefined;
}

function isCheckPath(path: string): boolean {
  return path.length <= CHECK_PATH_LENGTH_MAX && CHECK_PATH_PATTERN.test(path);
}

/** The declarations in a record, or undefined when some of it is of another form. */
export function parseDeclared(fields: Readonly<Record<string, unknown>>):
  | {
      readonly services?: readonly InstanceService[];
      readonly checks?: readonly InstanceCheck[];
      readonly health?: InstanceHealth;
    }
  | undefined {
  const { services, checks, health } = fields;
  if (services !== undefined && !isArrayOf(services, isService)) return undefined;
  if (checks !== undefined && !isArrayOf(checks, isCheck)) return undefined;
  if (health !== undefined && health !== 'passing' && health !== 'failing') return undefined;
  return {
    ...(services === undefined ? {} : { services: services.map(plainService) }),
    ...(checks === undefined ? {} : { checks: checks.map(plainCheck) }),
    ...(health === undefined ? {} : { health }),
  };
}

function isArrayOf<T>(value: unknown, isOne: (value: unknown) => value is T): value is T[] {
  return Array.isArray(value) && value.every(isOne);
}

function isService(value: unknown): value is InstanceService {
  if (typeof value !== 'object' || value === null) return false;
  const { name, port, protocol } = value as Partial<Record<string, unknown>>;
  return (
    typeof name === 'string' &&
    typeof port === 'number' &&
    (protocol === 'tcp' || protocol === 'udp')
  );
}

function isCheck(value: unknown): value is InstanceCheck {
  if (typeof value !== 'object' || value === null) return false;
  const { type, service, path } = value as Partial<Record<string, unknown>>;
  if (typeof service !== 'string') return false;
  return type === 'tcp' || (type === 'http' && typeof path === 'string');
}

/** Without fields that this version does not know. */
function plainService({ name, port, protocol }: InstanceService): InstanceService {
  return { name, port, protocol };
}

function plainCheck(check: InstanceCheck): InstanceCheck {
  const { type, service } = check;
  return type === 'tcp' ? { type, service } : { type, service, path: check.path };
}
