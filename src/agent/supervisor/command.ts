// The command of an instance as its supervisor's child: started in a session of its own, its output
// kept, and with its end everything that it has started ends too.

import { type ChildProcess, spawn } from 'node:child_process';
import { type Stats, statSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import type { WallMillis } from '../../base/clock.ts';
import { isLoaderVariable, type MachineUser, userWords } from '../../base/machine-user.ts';
import type { CommandExit } from '../ports.ts';
import { killCompanions } from './namespace-processes.ts';
import type { OutputStream } from './protocol.ts';
import type { RestartSpec } from './restart-policy.ts';

/** How long output is still read after the command and all that it started have ended. */
const DRAIN_MS = 1000;

/** Not by a PATH, in whose folders others may write. */
const ENV = '/usr/bin/env';
const EXECUTABLE_BITS = 0o111;

export interface RunAs extends MachineUser {
  readonly name: string;
  readonly home: string;
}

export interface CommandSpec {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Root where absent. */
  readonly runAs?: RunAs | undefined;
  /** Never where absent. */
  readonly restart?: RestartSpec | undefined;
}

export interface CommandEvents {
  output(stream: OutputStream, data: Uint8Array): void;
  ended(exit: CommandExit): void;
}

export class Command {
  readonly #child: ChildProcess;
  readonly pid: number;

  private constructor(
    child: ChildProcess,
    { pid, machineId }: { readonly pid: number; readonly machineId: string | undefined },
    events: CommandEvents,
  ) {
    this.#child = child;
    this.pid = pid;
    child.stdout?.on('data', (data: Buffer) => events.output('stdout', data));
    child.stderr?.on('data', (data: Buffer) => events.output('stderr', data));
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.once('exit', (code, signal) => {
      const at = Date.now() as WallMillis;
      killCompanions(machineId);
      const drained = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
      void Promise.race([closed, drained]).then(() =>
        events.ended({ code: code ?? undefined, signal: signal ?? undefined, at }),
      );
    });
  }

  /** Resolves when the program runs; rejects with a sentence when it cannot be run. */
  static start(spec: CommandSpec, events: CommandEvents): Promise<Command> {
    const { runAs, workingDirectory } = spec;
    const [program = ''] = spec.command;
    return new Promise((resolve, reject) => {
      if (statIfThere(workingDirectory)?.isDirectory() !== true) {
        reject(new Error(`${workingDirectory} is not a directory`));
        return;
      }
      const hasGroups = runAs !== undefined && runAs.groups.length > 0;
      const failure = hasGroups ? findFailure(spec) : undefined;
      if (failure !== undefined) {
        reject(explain(program, failure));
        return;
      }
      const { environment, words } = hasGroups ? throughSetpriv(spec, runAs) : plainly(spec);
      const child = spawn(words[0] ?? '', words.slice(1), {
        cwd: workingDirectory,
        env: { ...environment },
        // With these, Node.js drops the groups of root too.
        ...(runAs === undefined || hasGroups ? {} : { uid: runAs.uid, gid: runAs.gid }),
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.once('error', (error: NodeJS.ErrnoException) => reject(explain(program, error)));
      // The child exists from here on, so nothing of its output or end is missed.
      const { pid } = child;
      const machineId = spec.environment['P6N_MACHINE_ID'];
      if (pid !== undefined) resolve(new Command(child, { pid, machineId }, events));
    });
  }

  /** Asks the command to end; after `graceMs` ends it, and its process group, by force. */
  stop(graceMs: number): void {
    this.#signal('SIGTERM');
    setTimeout(() => this.#signal('SIGKILL'), graceMs).unref();
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

interface Spawned {
  readonly words: readonly string[];
  readonly environment: CommandSpec['environment'];
}

function plainly({ command, environment }: CommandSpec): Spawned {
  return { words: command, environment };
}

/** As setpriv begins as root, what would load the user's code comes after it, through env(1). */
function throughSetpriv({ command, environment }: CommandSpec, runAs: RunAs): Spawned {
  const pairs = Object.entries(environment);
  const late = pairs.filter(([name]) => isLoaderVariable(name));
  const early = pairs.filter(([name]) => !isLoaderVariable(name));
  const setting = late.length === 0 ? [] : [ENV, '--', ...late.map((pair) => pair.join('='))];
  return {
    words: [...userWords(runAs), ...setting, ...command],
    environment: Object.fromEntries(early),
  };
}

/** What exec would say of the program, which setpriv would say to nobody. */
function findFailure({
  command: [program = ''],
  environment,
  workingDirectory,
}: CommandSpec): NodeJS.ErrnoException | undefined {
  const folders = program.includes('/') ? [''] : (environment['PATH'] ?? '').split(':');
  const found = folders
    .map((folder) => statIfThere(resolvePath(workingDirectory, folder, program)))
    .filter((stat) => stat !== undefined);
  if (found.length === 0) return Object.assign(new Error(), { code: 'ENOENT' });
  const isProgram = found.some((stat) => stat.isFile() && (stat.mode & EXECUTABLE_BITS) !== 0);
  return isProgram ? undefined : Object.assign(new Error(), { code: 'EACCES' });
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function explain(program: string, error: NodeJS.ErrnoException): Error {
  switch (error.code) {
    case 'ENOENT':
      return new Error(`no program "${program}" is found`);
    case 'EACCES':
      return new Error(`"${program}" is not an executable program`);
    default:
      return error;
  }
}
