// p6n-cni: the process around one call of the plugin. It lives for a moment and loads little.

import { ApiClient } from '../../api/client.ts';
import { runPlugin } from './plugin.ts';
import { CniCode, CniError } from './protocol.ts';

/** Far more than the result of any chain. */
const INPUT_BYTES_MAX = 4 * 1_048_576;

const { env } = process;

const { exitCode, output } = await runPlugin({
  environment: env,
  readInput,
  connect: (path) => new ApiClient({ target: { kind: 'socket', path } }),
});
process.stdout.write(output);
process.exitCode = exitCode;

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      length += chunk.byteLength;
      if (length > INPUT_BYTES_MAX) throw new Error('it is too long');
      chunks.push(chunk);
    }
  } catch (error) {
    const facts = error instanceof Error ? error.message : String(error);
    throw new CniError(CniCode.InputUnreadable, `Cannot read the network: ${facts}`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
