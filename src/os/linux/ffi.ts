// The one door to native code, and the only importer of koffi. Calls are synchronous, but for one
// kind that says so. On the packet
// path they take and give plain numbers alone: pointers are numbers too (declared `uintptr_t`),
// which costs half of what other representations do. Rare calls pass a buffer itself (`void *`) or
// a text (`str`), which live until the call returns.
//
// Memory rule: an address does not keep its memory alive. Whoever hands an address to native code
// keeps the buffer in a field of an object that lives as long as native code may use it; a local
// `const` is not enough, since the optimiser drops it after its last visible use.

import koffi from 'koffi';

export type NativeType =
  | 'int'
  | 'uint'
  | 'ulong'
  | 'size_t'
  | 'intptr_t'
  | 'uintptr_t'
  | 'void'
  | 'void *'
  | 'str';

/** Called with what its parameters say: numbers, or buffers for `void *`, or texts for `str`. */
// biome-ignore lint/suspicious/noExplicitAny: koffi checks the values against the parameters.
export type NativeFunction = (...values: any[]) => number;

/** The process itself: libc and what the Node.js binary exports. */
const library = koffi.load(null);

/** Binds the exported function `name`; throws when there is none. */
export function nativeFunction(
  name: string,
  result: NativeType,
  parameters: readonly NativeType[],
): NativeFunction {
  return library.func(name, result, [...parameters]) as unknown as NativeFunction;
}

/**
 * The error number of the last call that failed on this thread; meaningless after a success and
 * overwritten by the next call.
 */
export function errorNumber(): number {
  return koffi.errno();
}

/**
 * Memory that stays at one place: from `allocUnsafeSlow`, since small typed arrays may stand on
 * V8's heap and move. Zeroed.
 */
export function nativeMemory(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length).fill(0);
}

/** Memory that native code has made, which V8 does not free. */
export function memoryAt(address: number, length: number): Buffer {
  return Buffer.from(koffi.view(BigInt(address), length));
}

/**
 * A view of memory, for the packet path: V8 makes a few instructions of its methods, but calls of
 * those of Buffer, which take ten times as long.
 */
export function viewOf(memory: Buffer): DataView {
  return new DataView(memory.buffer, memory.byteOffset, memory.length);
}

/** The address of the first byte of memory that stays at its place. */
export function addressOf(memory: Buffer): number {
  return Number(koffi.address(memory));
}
