// Whether a container's interface is as ADD has left it, seen from inside its namespace by
// nsenter(1) and ip(8).

import { execFile } from 'node:child_process';
import { CniCode, CniError } from './protocol.ts';

const TIMEOUT_MS = 10_000;

export interface ExpectedInterface {
  readonly name: string;
  readonly address: string;
  /** A prefix that leads to it. */
  readonly route: string;
}

interface IpDocument {
  readonly addr_info?: readonly { readonly local?: string }[];
  readonly dst?: string;
}

/** Throws a CniError that says what is missing. */
export async function requireInterface(
  namespace: string,
  { address, name, route }: ExpectedInterface,
): Promise<void> {
  const addresses = await ask(namespace, ['address', 'show', 'dev', name]);
  if (!addresses.some((one) => one.addr_info?.some(({ local }) => local === address))) {
    throw changed(`${name} does not have ${address}`);
  }
  const routes = await ask(namespace, ['route', 'show', 'dev', name]);
  if (!routes.some(({ dst }) => dst === route)) throw changed(`${route} does not lead to ${name}`);
}

function ask(namespace: string, words: readonly string[]): Promise<readonly IpDocument[]> {
  return new Promise((resolve, reject) => {
    execFile(
      'nsenter',
      [`--net=${namespace}`, 'ip', '-6', '-json', ...words],
      { timeout: TIMEOUT_MS, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null) resolve(parseDocuments(stdout));
        else reject(changed(stderr.split('\n')[0]?.trim() || error.message));
      },
    );
  });
}

/** None where ip(8) says nothing, and where it says what nobody understands. */
function parseDocuments(text: string): readonly IpDocument[] {
  try {
    return JSON.parse(text) as IpDocument[];
  } catch {
    return [];
  }
}

function changed(facts: string): CniError {
  return new CniError(CniCode.Changed, `Cannot confirm the container's interface: ${facts}`);
}
