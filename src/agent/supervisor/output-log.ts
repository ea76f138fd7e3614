// The output of a command on disk, bounded: two files of about a mebibyte, the older one replaced
// when the newer one is full. Each piece is a frame, so that standard output and standard error
// stay apart:
//
//   0   1  stream: 1 standard output, 2 standard error
//   1   4  length of the piece, big-endian
//   5   n  the piece

import { closeSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { OutputStream } from './protocol.ts';

export const LOG_BYTES_MAX: number = 2 ** 20;
export const OUTPUT_FILE = 'output.log';
export const OLDER_OUTPUT_FILE = 'output.log.1';

const HEADER_BYTES = 5;
const STREAM_NUMBERS: Readonly<Record<OutputStream, number>> = { stdout: 1, stderr: 2 };

export interface OutputPiece {
  readonly stream: OutputStream;
  readonly data: Uint8Array;
}

export class OutputLog {
  readonly #directory: string;
  #fd: number;
  #bytes: number;

  /**
   * Goes on behind what an earlier run of the command has left in `directory`; a frame that a crash
   * has cut off would swallow what comes behind it, so it goes.
   */
  constructor(directory: string) {
    this.#directory = directory;
    const file = join(directory, OUTPUT_FILE);
    this.#fd = openSync(file, 'a', 0o600);
    this.#bytes = parseFrames(readIfThere(file)).reduce(
      (sum, { data }) => sum + HEADER_BYTES + data.length,
      0,
    );
    ftruncateSync(this.#fd, this.#bytes);
  }

  /** Throws what the file system throws, ENOSPC among it. */
  append(stream: OutputStream, data: Uint8Array): void {
    if (this.#bytes > 0 && this.#bytes + HEADER_BYTES + data.length > LOG_BYTES_MAX) this.#rotate();
    const frame = Buffer.alloc(HEADER_BYTES + data.length);
    frame.writeUInt8(STREAM_NUMBERS[stream], 0);
    frame.writeUInt32BE(data.length, 1);
    frame.set(data, HEADER_BYTES);
    if (writeSync(this.#fd, frame) < frame.length) {
      ftruncateSync(this.#fd, this.#bytes);
      throw new Error('the disk is full');
    }
    this.#bytes += frame.length;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #rotate(): void {
    closeSync(this.#fd);
    const file = join(this.#directory, OUTPUT_FILE);
    renameSync(file, join(this.#directory, OLDER_OUTPUT_FILE));
    this.#fd = openSync(file, 'a', 0o600);
    this.#bytes = 0;
  }
}

/** The last pieces on record, `tailBytes` of them in all, oldest first. */
export function readTail(directory: string, tailBytes: number): OutputPiece[] {
  const pieces = [OLDER_OUTPUT_FILE, OUTPUT_FILE].flatMap((file) =>
    parseFrames(readIfThere(join(directory, file))),
  );
  const tail: OutputPiece[] = [];
  let room = tailBytes;
  for (const piece of pieces.reverse()) {
    if (room <= 0) break;
    tail.push({ ...piece, data: piece.data.subarray(Math.max(0, piece.data.length - room)) });
    room -= piece.data.length;
  }
  return tail.reverse();
}

/** The whole frames in `bytes`; what a crash has cut off at the end is left out. */
function parseFrames(bytes: Buffer): OutputPiece[] {
  const pieces: OutputPiece[] = [];
  let offset = 0;
  while (offset + HEADER_BYTES <= bytes.length) {
    const stream = bytes.readUInt8(offset) === STREAM_NUMBERS.stderr ? 'stderr' : 'stdout';
    const end = offset + HEADER_BYTES + bytes.readUInt32BE(offset + 1);
    if (end > bytes.length) break;
    pieces.push({ stream, data: bytes.subarray(offset + HEADER_BYTES, end) });
    offset = end;
  }
  return pieces;
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
