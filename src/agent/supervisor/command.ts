// The command of an instance as its supervisor's child: started in a session of its own, its output
// kept, and with its end everything that it has started ends too.

import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import type { WallMillis } from '../../base/clock.ts';
import type { CommandExit } from '../ports.ts';
import { killCompanions } from './namespace-processes.ts';
import type { OutputStream } from './protocol.ts';
import type { RestartSpec } from './restart-policy.ts';

/** How long output is still read after the command and all that it started have ended. */
const DRAIN_MS = 1000;

/** A user of the machine. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
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

  private constructor(child: ChildProcess, pid: number, events: CommandEvents) {
    this.#child = child;
    this.pid = pid;
    child.stdout?.on('data', (data: Buffer) => events.output('stdout', data));
    child.stderr?.on('data', (data: Buffer) => events.output('stderr', data));
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.once('exit', (code, signal) => {
      const at = Date.now() as WallMillis;
      killCompanions();
      const drained = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
      void Promise.race([closed, drained]).then(() =>
        events.ended({ code: code ?? undefined, signal: signal ?? undefined, at }),
      );
    });
  }

  /** Resolves when the program runs; rejects with a sentence when it cannot be run. */
  static start(spec: CommandSpec, events: CommandEvents): Promise<Command> {
    const [program = '', ...parameters] = spec.command;
    return new Promise((resolve, reject) => {
      if (!statSync(spec.workingDirectory, { throwIfNoEntry: false })?.isDirectory()) {
        reject(new Error(`${spec.workingDirectory} is not a directory`));
        return;
      }
      const child = spawn(program, parameters, {
        cwd: spec.workingDirectory,
        env: { ...spec.environment },
        // With these, Node.js drops the groups of root too.
        ...(spec.runAs === undefined ? {} : { uid: spec.runAs.uid, gid: spec.runAs.gid }),
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.once('error', (error: NodeJS.ErrnoException) => reject(explain(program, error)));
      // The child exists from here on, so nothing of its output or end is missed.
      if (child.pid !== undefined) resolve(new Command(child, child.pid, events));
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
