// The supervisors of this host's run instances, as the instance operations use them: the real ones
// are processes, a test's are objects.

import { rm } from 'node:fs/promises';
import { asP6nError } from '../base/errors.ts';
import type { CommandExit, OutputEvent, Tail } from './ports.ts';
import type { CommandSpec } from './supervisor/command.ts';
import { type LaunchSpec, launchSupervisor } from './supervisor/launch.ts';
import { killAbandoned } from './supervisor/namespace-processes.ts';
import type { SupervisorState } from './supervisor/protocol.ts';
import { readExit, readOutput, SupervisorSession } from './supervisor/session.ts';

export interface Supervisor {
  readonly initialState: SupervisorState;
  /** Path of the network namespace that it holds. */
  readonly namespace: string;
  /** Path of the mount namespace. */
  readonly mounts: string;
  readonly commandPid: number | undefined;
  readonly restarts: number;
  /** Resolves with its end; undefined when it left no word of how the command ended. */
  readonly ended: Promise<CommandExit | undefined>;
  start(spec: CommandSpec): Promise<void>;
  stop(graceMs: number): Promise<void>;
  disconnect(): void;
  follow(tail: Tail, signal: AbortSignal): AsyncIterable<OutputEvent>;
}

export interface Supervision {
  launch(spec: LaunchSpec): Promise<Supervisor>;
  /**
   * The one that serves `directory`, or undefined when there is none; rejects when there is one and
   * it does not answer for the moment.
   */
  find(directory: string): Promise<Supervisor | undefined>;
  readExit(directory: string): CommandExit | undefined;
  /** What the last command has said, and how it ended. */
  readOutput(directory: string, tail: Tail): Iterable<OutputEvent>;
  /** Ends what the supervisor of `directory` has left running when it was killed. */
  killAbandoned(machineId: string, directory: string): void;
  removeDirectory(directory: string): Promise<void>;
}

export const PROCESS_SUPERVISION: Supervision = {
  launch: async (spec) => {
    const launched = await launchSupervisor(spec);
    try {
      return await SupervisorSession.connect(spec.directory);
    } catch (error) {
      // Nobody knows of it yet.
      launched.kill('SIGKILL');
      throw asP6nError(error, 'Cannot speak to the supervisor of an instance');
    }
  },
  find: (directory) => SupervisorSession.find(directory),
  readExit,
  readOutput,
  killAbandoned,
  removeDirectory: (directory) => rm(directory, { recursive: true, force: true }),
};
