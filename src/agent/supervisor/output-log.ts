// The output of a command on disk, bounded: two files of about a mebibyte, the older one replaced
// when the newer one is full. Each piece is a frame, so that standard output and standard error
// stay apart:
//
//   0   1  stream: 3 standard output, 4 standard error; 1 and 2 the same without a time
//   1   4  length of the piece, big-endian
//   5   8  when it was written, milliseconds since 1970, as a double
//   13  n  the piece

import { closeSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { WallMillis } from '../../base/clock.ts';
import type { Tail } from '../ports.ts';
import type { OutputStream } from './protocol.ts';

export const LOG_BYTES_MAX: number = 2 ** 20;
export const OUTPUT_FILE = 'output.log';
export const OLDER_OUTPUT_FILE = 'output.log.1';

const LENGTH_OFFSET = 1;
const TIME_OFFSET = 5;
const HEADER_BYTES = 13;
/** Of frames without a time, which earlier versions have written. */
const SHORT_HEADER_BYTES = 5;
const STREAM_NUMBERS: Readonly<Record<OutputStream, number>> = { stdout: 3, stderr: 4 };
const SHORT_STREAM_NUMBERS: Readonly<Record<OutputStream, number>> = { stdout: 1, stderr: 2 };
const NEWLINE = 0x0a;

export interface OutputPiece {
  readonly stream: OutputStream;
  readonly data: Uint8Array;
  /** When it was written; undefined where an earlier version wrote it. */
  readonly at: WallMillis | undefined;
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
    this.#bytes = parseFrames(readIfThere(file)).bytes;
    ftruncateSync(this.#fd, this.#bytes);
  }

  /** Throws what the file system throws, ENOSPC among it. */
  append({ at, data, stream }: OutputPiece): void {
    if (this.#bytes > 0 && this.#bytes + HEADER_BYTES + data.length > LOG_BYTES_MAX) this.#rotate();
    const frame = Buffer.alloc(HEADER_BYTES + data.length);
    frame.writeUInt8(STREAM_NUMBERS[stream], 0);
    frame.writeUInt32BE(data.length, LENGTH_OFFSET);
    frame.writeDoubleBE(at ?? 0, TIME_OFFSET);
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

  /** What fails leaves the file of before open: a number that was closed is somebody else's. */
  #rotate(): void {
    const file = join(this.#directory, OUTPUT_FILE);
    const next = openSync(`${file}.new`, 'a', 0o600);
    try {
      ftruncateSync(next, 0);
      renameSync(file, join(this.#directory, OLDER_OUTPUT_FILE));
      renameSync(`${file}.new`, file);
    } catch (error) {
      closeSync(next);
      throw error;
    }
    closeSync(this.#fd);
    this.#fd = next;
    this.#bytes = 0;
  }
}

/** The last pieces on record, so many bytes and lines of them at the most, oldest first. */
export function readTail(directory: string, { bytes, lines }: Tail): OutputPiece[] {
  const pieces = [OLDER_OUTPUT_FILE, OUTPUT_FILE].flatMap(
    (file) => parseFrames(readIfThere(join(directory, file))).pieces,
  );
  const tail: OutputPiece[] = [];
  let room = bytes;
  for (const piece of pieces.reverse()) {
    if (room <= 0) break;
    tail.push({ ...piece, data: piece.data.subarray(Math.max(0, piece.data.length - room)) });
    room -= piece.data.length;
  }
  tail.reverse();
  return lines === undefined ? tail : lastLines(tail, lines);
}

/** What begins with the `lines`th line from the end; a last line without an end counts too. */
function lastLines(pieces: readonly OutputPiece[], lines: number): OutputPiece[] {
  const last: OutputPiece[] = [];
  let left = lines;
  let isFirst = true;
  for (const piece of pieces.toReversed()) {
    const { data } = piece;
    let at = data.length;
    while (at > 0) {
      const isEnd = data[at - 1] === NEWLINE;
      // The end of the very last line begins no other.
      if (isEnd && !isFirst) left -= 1;
      if (left <= 0) break;
      isFirst = false;
      at -= 1;
    }
    if (at < data.length) last.push({ ...piece, data: data.subarray(at) });
    if (left <= 0) break;
  }
  return last.reverse();
}

/** The whole frames in `bytes`, so many of which they are; what a crash has cut off is left out. */
function parseFrames(bytes: Buffer): { readonly pieces: OutputPiece[]; readonly bytes: number } {
  const pieces: OutputPiece[] = [];
  let offset = 0;
  while (offset + SHORT_HEADER_BYTES <= bytes.length) {
    const number = bytes.readUInt8(offset);
    const isShort = number <= SHORT_STREAM_NUMBERS.stderr;
    const start = offset + (isShort ? SHORT_HEADER_BYTES : HEADER_BYTES);
    const end = start + bytes.readUInt32BE(offset + LENGTH_OFFSET);
    if (end > bytes.length) break;
    const isError = number === STREAM_NUMBERS.stderr || number === SHORT_STREAM_NUMBERS.stderr;
    const at = isShort ? undefined : (bytes.readDoubleBE(offset + TIME_OFFSET) as WallMillis);
    pieces.push({ stream: isError ? 'stderr' : 'stdout', data: bytes.subarray(start, end), at });
    offset = end;
  }
  return { pieces, bytes: offset };
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
