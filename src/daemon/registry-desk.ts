// The registry as a whole, for the operator of a server: what state it is in, to a file and from
// one, and open again after a restore.

import { readFile } from 'node:fs/promises';
import type {
  AcceptRegistry,
  ExportRegistry,
  ImportRegistry,
  RegistryExported,
  RegistryStateName,
  RegistryView,
} from '../api/contract/registry.ts';
import type { RegistryKeeper } from '../api/services.ts';
import { P6nError } from '../base/errors.ts';
import { writeFileAtomic } from '../os/atomic-file.ts';
import { type Action, authorize, type Principal } from '../registry/authority.ts';
import type { RegistryState } from '../registry/custody.ts';
import { idsOf, type ParsedExport, parseExport } from '../registry/export.ts';
import type { Registry } from '../registry/registry.ts';

export class RegistryDesk implements RegistryKeeper {
  readonly #registry: Registry | undefined;

  /** `registry` is undefined on a host that is no server. */
  constructor(registry: Registry | undefined) {
    this.#registry = registry;
  }

  async show(principal: Principal): Promise<RegistryView> {
    return view(await this.#require(principal, 'registry-export').custody.state());
  }

  async export(
    principal: Principal,
    { path, close = false }: ExportRegistry,
  ): Promise<RegistryExported> {
    const lines = await this.#require(principal, 'registry-export').custody.export({ close });
    await onDisk('write', path, () => writeFileAtomic(path, lines.join('')));
    // A first and a last line stand round the entries.
    return { path, entries: lines.length - 2 };
  }

  async import(principal: Principal, { path }: ImportRegistry): Promise<RegistryView> {
    const registry = this.#require(principal, 'registry-import');
    await registry.custody.import(await readExport(path));
    return view(await registry.custody.state());
  }

  async accept(principal: Principal, { exports = [] }: AcceptRegistry): Promise<RegistryView> {
    const registry = this.#require(principal, 'registry-import');
    for (const path of exports)
      await registry.custody.takeOver(undefined, idsOf(await readExport(path)));
    await registry.custody.accept();
    return view(await registry.custody.state());
  }

  #require(principal: Principal, action: Action): Registry {
    authorize(principal, action);
    if (this.#registry !== undefined) return this.#registry;
    throw new P6nError('NOT_A_SERVER', 'Cannot use the registry: this host has none', {
      hint: 'Run the command on a server.',
    });
  }
}

async function readExport(path: string): Promise<ParsedExport> {
  return parseExport(await onDisk('read', path, () => readFile(path, 'utf8')));
}

async function onDisk<T>(action: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw new P6nError('VALUE_INVALID', `Cannot ${action} ${path}: ${facts}`, { cause });
  }
}

function view({ closure, incarnation, isEmpty, reports, revision }: RegistryState): RegistryView {
  const open: RegistryStateName = isEmpty ? 'empty' : 'open';
  const why = closure === undefined ? {} : { facts: closure.facts, since: closure.since };
  return { state: closure?.reason ?? open, incarnation, revision, ...why, reports };
}
