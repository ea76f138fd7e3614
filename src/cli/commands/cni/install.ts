// `p6nctl cni install`: makes a network of p6n known to the container engines of this host.

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_SOCKET } from '../../../api/contract/protocol.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command } from '../../command.ts';
import { type Field, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { MEMBERSHIP_OPTIONS, membershipFacts } from '../instances/fields.ts';
import {
  type ConfigurationFile,
  chainConflist,
  findNetwork,
  makeConflist,
  makeLauncher,
  PLUGIN_NAME,
  type PluginSettings,
  requireNetworkName,
} from './conflist.ts';

const CONFIGURATION_FOLDER = '/etc/cni/net.d';
/** Of containerd, CRI-O and Kubernetes; of Debian's podman; of Fedora's. */
const PLUGIN_FOLDERS = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'] as const;
const EXTENSION_PATTERN = /\.(?:conflist|conf|json)$/;

export interface InstallOptions extends Speech {
  readonly name: string;
  readonly settings: PluginSettings;
  /** Whether the network exists and p6n is added to it. */
  readonly chained: boolean;
  readonly configurationFolder: string;
  readonly pluginFolders: readonly string[];
  readonly program: { readonly node: string; readonly script: string };
}

interface Installed {
  readonly network: string;
  readonly configuration: string;
  readonly programs: readonly string[];
}

const FIELDS: readonly Field<Installed>[] = [
  { title: 'network', text: ({ network }) => network },
  { title: 'configuration', text: ({ configuration }) => configuration },
  { title: 'programs', text: ({ programs }) => programs.join(', ') },
];

/** Programs first: a configuration without them would break every container of its network. */
export async function installCni(options: InstallOptions): Promise<void> {
  const { configurationFolder, name, pluginFolders, program } = options;
  requireNetworkName(name);
  try {
    const { path, text } = await chosenFile(options);
    const programs: string[] = [];
    for (const folder of pluginFolders) {
      await mkdir(folder, { recursive: true });
      programs.push(join(folder, PLUGIN_NAME));
      await replaceFile(join(folder, PLUGIN_NAME), makeLauncher(program), 0o755);
    }
    await mkdir(configurationFolder, { recursive: true });
    await replaceFile(path, text, 0o644);
    await printRecord(options, { network: name, configuration: path, programs }, FIELDS);
  } catch (error) {
    if (error instanceof P6nError) throw error;
    const facts = error instanceof Error ? error.message : String(error);
    throw new P6nError('SYSTEM', `Cannot install network "${name}": ${facts}`, { cause: error });
  }
}

async function chosenFile(options: InstallOptions): Promise<ConfigurationFile> {
  const { chained, configurationFolder, name, settings } = options;
  const found = findNetwork(await configurations(configurationFolder), name);
  if (chained) {
    if (found !== undefined) return { ...found, text: chainConflist(found, settings) };
    throw new P6nError('NOT_FOUND', `Cannot find network "${name}" in ${configurationFolder}`, {
      hint: 'Leave --chained away to make a network of p6n alone.',
    });
  }
  const path = join(configurationFolder, `90-p6n-${name}.conflist`);
  if (found === undefined || found.path === path) {
    return { path, text: makeConflist(name, settings) };
  }
  throw new P6nError('NAME_TAKEN', `Cannot make network "${name}": ${found.path} has it`, {
    hint: 'Choose another name, or add p6n to that network with --chained.',
  });
}

async function configurations(folder: string): Promise<readonly ConfigurationFile[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => EXTENSION_PATTERN.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, text: await readFile(path, 'utf8') };
    }),
  );
}

/** An engine that reads it meanwhile gets the old one or the new one. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.p6n-new`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}

/** Those of this machine, or the first of all. */
function usualPluginFolders(): readonly string[] {
  const existing = PLUGIN_FOLDERS.filter((folder) => existsSync(folder));
  return existing.length > 0 ? existing : [PLUGIN_FOLDERS[0]];
}

export const INSTALL_CNI: Command = {
  usage: 'install <name>',
  summary: 'Make a network of p6n known to podman, containerd, CRI-O and Kubernetes',
  options: {
    ...MEMBERSHIP_OPTIONS,
    app: { summary: 'The app of its containers', value: 'NAME' },
    chained: { summary: 'Add p6n to a network that exists already' },
    'pod-annotations': { summary: 'Let annotations of pods (p6n/app) choose the app' },
    'conf-dir': { summary: `Folder of networks; ${CONFIGURATION_FOLDER} without it`, value: 'DIR' },
    'bin-dir': { summary: 'Folder of plugins; the usual ones without it', value: 'DIR' },
  },
  run: async (context, words) => {
    const app = words.optionalText('app');
    const podAnnotations = words.flag('pod-annotations');
    if (app === undefined && !podAnnotations) {
      throw new P6nError('USAGE', 'Cannot install: --app or --pod-annotations is needed', {
        hint: 'Every container of the network becomes an instance of that app.',
      });
    }
    const inFolder = (path: string): string => resolve(context.workingDirectory, path);
    const folder = words.optionalText('bin-dir');
    const settings = {
      ...membershipFacts(words),
      app,
      socket: context.socket === DEFAULT_SOCKET ? undefined : inFolder(context.socket),
      podAnnotations,
    };
    await installCni({
      ...context,
      name: words.text('name'),
      settings,
      chained: words.flag('chained'),
      configurationFolder: inFolder(words.optionalText('conf-dir') ?? CONFIGURATION_FOLDER),
      pluginFolders: folder === undefined ? usualPluginFolders() : [inFolder(folder)],
      program: {
        node: process.execPath,
        script: fileURLToPath(new URL(`../../../../../bin/${PLUGIN_NAME}`, import.meta.url)),
      },
    });
  },
};
