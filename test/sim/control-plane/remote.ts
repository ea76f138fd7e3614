// Calls between the simulation and its processes, over the channel that Node.js gives a child.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

interface Call {
  readonly id: number;
  readonly name: string;
  readonly words: unknown;
}

type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/** What a process can do: by name, with one argument. */
export type Operations = Readonly<Record<string, (words: never) => Promise<unknown>>>;

/** Answers calls in this process until the simulation goes away. */
export function serveCalls(operations: Operations): void {
  process.on('message', ({ id, name, words }: Call) => {
    const run = operations[name];
    assert.ok(run, `there is no operation ${name}`);
    run(words as never).then(
      (value) => process.send?.({ id, value }),
      (error: unknown) =>
        process.send?.({ id, error: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}

/** A process of the simulation, with the operations `O`. */
export class Remote<O extends Operations> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  constructor(program: URL, nodeOptions: readonly string[] = []) {
    this.#child = fork(program, { execArgv: [...nodeOptions], serialization: 'advanced' });
    this.#child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  async call<N extends keyof O & string>(
    name: N,
    words: Parameters<O[N]>[0],
  ): Promise<Awaited<ReturnType<O[N]>>> {
    if (!this.#child.connected) throw new Error('the process has ended');
    this.#calls += 1;
    const id = this.#calls;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, name, words } satisfies Call);
    });
    if ('error' in answer) throw new Error(answer.error);
    return answer.value as Awaited<ReturnType<O[N]>>;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
}
