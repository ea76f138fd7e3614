// What a command may do with the terminal: data goes to standard output, talk to standard error, so
// that a pipe gets the data alone.

export interface Terminal {
  /** Writes data; resolves when more may be written. */
  out(data: string | Uint8Array): Promise<void>;
  /** Writes talk; resolves when more may be written. */
  err(data: string | Uint8Array): Promise<void>;
  /** Whether standard output and standard error are for eyes and take colours. */
  readonly colours: { readonly out: boolean; readonly err: boolean };
}

/** How a command speaks: to people or, with `--json`, to programs. */
export interface Speech {
  readonly terminal: Terminal;
  readonly json: boolean;
}

/** Says to people what was done; programs have the exit code. */
export async function talk(speech: Speech, text: string): Promise<void> {
  if (!speech.json) await speech.terminal.err(`${text}\n`);
}

/** Says what the reader should know about the data on standard output. */
export async function warn(speech: Speech, text: string): Promise<void> {
  const line = speech.json ? JSON.stringify({ warning: text }) : `Warning: ${text}`;
  await speech.terminal.err(`${line}\n`);
}

interface Stream {
  readonly isTTY?: boolean;
  write(data: string | Uint8Array): boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** The terminal of this process; `noColour` is what the environment wants. */
export function processTerminal(
  streams: { readonly stdout: Stream; readonly stderr: Stream },
  noColour: boolean,
): Terminal {
  const { stdout, stderr } = streams;
  return {
    out: (data) => write(stdout, data),
    err: (data) => write(stderr, data),
    colours: {
      out: stdout.isTTY === true && !noColour,
      err: stderr.isTTY === true && !noColour,
    },
  };
}

function write(stream: Stream, data: string | Uint8Array): Promise<void> {
  if (stream.write(data)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}
