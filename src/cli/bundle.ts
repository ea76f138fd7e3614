// What goes into a debug bundle: what p6nd says of itself, what doctor finds, and how the machine
// is. Keys, tokens, secrets, and what instances are told in their environment or on their command
// lines are never read.

import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { runDoctor } from './doctor/examination.ts';
import type { Patient } from './doctor/finding.ts';
import { outputOf } from './doctor/programs.ts';

/** The copy of the registry in the state folder: records that every host may see. */
const COPY_FILE = 'copy.json';
const COPY_BYTES_MAX = 16 * 1_048_576;

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'ip-address.txt': ['ip', 'address'],
  'ip-route.txt': ['ip', '-6', 'route', 'show', 'table', 'all'],
  'ip-rule.txt': ['ip', '-6', 'rule'],
  'ip-link.txt': ['ip', '-s', '-d', 'link'],
  'sockets.txt': ['ss', '-lnptu'],
  'firewall.txt': ['iptables-save', '-c'],
  'firewall6.txt': ['ip6tables-save', '-c'],
  'nftables.txt': ['nft', 'list', 'ruleset'],
  'ip-version.txt': ['ip', '-V'],
  'os-release.txt': ['cat', '/etc/os-release'],
};

/** The files of the bundle by name. What cannot be had is said in `missing.txt`. */
export async function bundleFiles(
  patient: Patient,
  version: string,
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const missing: string[] = [];
  const add = async (name: string, make: () => Promise<string>): Promise<void> => {
    try {
      files.set(name, await make());
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const { host } = patient.client;
  await add('versions.json', async () => json(await versions(patient, version)));
  await add('status.json', async () => json(patient.status ?? (await host.status())));
  await add('doctor.json', async () => json(await runDoctor(patient)));
  await add('metrics.txt', () => host.metrics());
  await add('config.json', async () => json((await host.debug()).config));
  await add('log.jsonl', async () => (await host.debug()).log.join(''));
  await add('registry-copy.json', () => registryCopy(patient.stateDir));
  for (const [name, [program = '', ...words]] of Object.entries(PROGRAMS)) {
    await add(name, async () => {
      const text = await outputOf(program, ...words);
      if (text === undefined) throw new Error(`${program} cannot be run`);
      return text;
    });
  }
  if (missing.length > 0) files.set('missing.txt', `${missing.join('\n')}\n`);
  return files;
}

async function versions({ status }: Patient, p6nctl: string): Promise<object> {
  const systemd = (await outputOf('systemctl', '--version'))?.split('\n')[0];
  const { node, v8, uv, openssl } = process.versions;
  const { arch, platform } = process;
  return {
    ...{ p6nctl, p6nd: status?.version, node, v8, uv, openssl, arch, platform },
    ...{ kernel: release(), systemd },
  };
}

async function registryCopy(stateDir: string): Promise<string> {
  const path = join(stateDir, COPY_FILE);
  const { size } = await stat(path);
  if (size > COPY_BYTES_MAX) throw new Error(`it is of ${size} bytes, too long for a bundle`);
  return await readFile(path, 'utf8');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
