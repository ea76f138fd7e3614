// The configuration list that makes a network of p6n known to container engines (CNI), and the
// program that they run for it: pure texts.

import { CNI_NETWORK_NAME_PATTERN, CNI_VERSIONS } from '../../../api/contract/cni.ts';
import { P6nError } from '../../../base/errors.ts';

/** Of the program in an engine's folder of plugins, and in configurations. */
export const PLUGIN_NAME = 'p6n-cni';
/** Taken by every engine: podman 4 knows no newer one. */
const CONFLIST_VERSION = '1.0.0';

export interface PluginSettings {
  readonly app: string | undefined;
  readonly group?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Absent for p6nd's usual place. */
  readonly socket: string | undefined;
  /** Whether the annotations of a pod choose its app. */
  readonly podAnnotations: boolean;
}

/** A file of the folder of configurations. */
export interface ConfigurationFile {
  readonly path: string;
  readonly text: string;
}

interface Conflist {
  readonly name: string;
  readonly cniVersion?: unknown;
  readonly plugins: readonly { readonly type?: unknown }[];
}

export function requireNetworkName(name: string): void {
  if (CNI_NETWORK_NAME_PATTERN.test(name)) return;
  throw new P6nError('VALUE_INVALID', `Cannot use "${name}" as the name of a network of CNI`, {
    hint: 'It has letters, digits, dots, dashes and underscores, first a letter or digit.',
  });
}

/** A network of p6n alone. */
export function makeConflist(name: string, settings: PluginSettings): string {
  return format({ cniVersion: CONFLIST_VERSION, name, plugins: [pluginOf(settings)] });
}

/** The list in `file` with p6n last in the chain, once. Throws CONFIG_INVALID for what is none. */
export function chainConflist(file: ConfigurationFile, settings: PluginSettings): string {
  const list = parseConflist(file.text);
  if (list === undefined) throw notAList(file.path);
  const { cniVersion: version } = list;
  if (!CNI_VERSIONS.some((known) => known === version)) {
    const facts = `it is of version ${JSON.stringify(version) ?? 'none'}, which p6n does not speak`;
    throw new P6nError('CONFIG_INVALID', `Cannot chain in ${file.path}: ${facts}`, {
      hint: `Set "cniVersion" to one of ${CNI_VERSIONS.join(', ')}, if its plugins take that.`,
    });
  }
  const others = list.plugins.filter(({ type }) => type !== PLUGIN_NAME);
  if (others.length > 0) return format({ ...list, plugins: [...others, pluginOf(settings)] });
  throw new P6nError('CONFIG_INVALID', `Cannot chain in ${file.path}: p6n is alone in it`, {
    hint: 'Leave --chained away: it is for the networks of other plugins.',
  });
}

/** The file with the network of that name, whatever else is in it. */
export function findNetwork(
  files: readonly ConfigurationFile[],
  name: string,
): ConfigurationFile | undefined {
  return files.find(({ text }) => parseObject(text)?.['name'] === name);
}

/**
 * A program that runs the plugin by absolute paths, as engines have an environment of their own.
 */
export function makeLauncher(program: { readonly node: string; readonly script: string }): string {
  return `#!/bin/sh\nexec ${quoted(program.node)} ${quoted(program.script)} "$@"\n`;
}

function pluginOf({ app, group, metadata, podAnnotations, socket }: PluginSettings): object {
  return {
    type: PLUGIN_NAME,
    // JSON leaves out what is undefined.
    app,
    group,
    metadata,
    socket,
    ...(podAnnotations ? { capabilities: { 'io.kubernetes.cri.pod-annotations': true } } : {}),
  };
}

function parseConflist(text: string): Conflist | undefined {
  const value = parseObject(text);
  const plugins = value?.['plugins'];
  if (!Array.isArray(plugins)) return undefined;
  const objects = plugins.every((one) => typeof one === 'object' && one !== null);
  return objects ? (value as unknown as Conflist) : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

function format(list: object): string {
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function notAList(path: string): P6nError {
  return new P6nError('CONFIG_INVALID', `Cannot chain in ${path}: it is no configuration list`, {
    hint: 'Make a .conflist of it, with its plugin as the only entry of "plugins".',
  });
}
