// Values by prefix of one address family, found by longest match: a binary trie without the nodes
// that neither hold a value nor fork.
//
//   fdaa::/16 --+-- (bit 16 = 0) fdaa:1::/32 -- ...
//               +-- (bit 16 = 1) fdaa:8000::/20

import { assert } from '../base/assert.ts';
import { commonPrefixBits, maskedPrefix, type Prefix, prefixContains } from './prefix.ts';

interface Node<T> {
  readonly prefix: Prefix;
  value: T | undefined;
  /** Below them the bit behind the prefix is 0 or 1. */
  zero: Node<T> | undefined;
  one: Node<T> | undefined;
}

export class PrefixMap<T> {
  readonly #addressBytes: number;
  #root: Node<T> | undefined;
  #size = 0;

  /** For addresses of 4 or 16 bytes. */
  constructor(addressBytes: number) {
    this.#addressBytes = addressBytes;
  }

  /** How many prefixes have a value. */
  get size(): number {
    return this.#size;
  }

  /** The value of the longest prefix that the address at `offset` lies in, or undefined. */
  lookup(address: Uint8Array, offset = 0): T | undefined {
    let best: T | undefined;
    let node = this.#root;
    while (node !== undefined && prefixContains(node.prefix, address, offset)) {
      if (node.value !== undefined) best = node.value;
      if (node.prefix.bits === 8 * this.#addressBytes) break;
      node = bitAt(address, offset, node.prefix.bits) === 0 ? node.zero : node.one;
    }
    return best;
  }

  /** The value of exactly this prefix. */
  get(prefix: Prefix): T | undefined {
    return this.#find(prefix)?.value;
  }

  /** Sets the value of a prefix; returns the one that it replaces. */
  set(prefix: Prefix, value: T): T | undefined {
    assert(prefix.bytes.length === this.#addressBytes, 'PrefixMap: prefix of another family');
    const node = this.#obtain(prefix);
    const replaced = node.value;
    if (replaced === undefined) this.#size += 1;
    node.value = value;
    return replaced;
  }

  /** Removes a prefix; returns the value that it had. */
  delete(prefix: Prefix): T | undefined {
    const node = this.#find(prefix);
    const removed = node?.value;
    if (node === undefined || removed === undefined) return undefined;
    node.value = undefined;
    this.#size -= 1;
    this.#root = pruned(this.#root, prefix);
    return removed;
  }

  /** All prefixes with their values, shorter ones before longer ones that they contain. */
  *entries(): Generator<[Prefix, T]> {
    const open = [this.#root];
    while (open.length > 0) {
      const node = open.pop();
      if (node === undefined) continue;
      if (node.value !== undefined) yield [node.prefix, node.value];
      open.push(node.one, node.zero);
    }
  }

  #find(prefix: Prefix): Node<T> | undefined {
    let node = this.#root;
    while (node !== undefined && node.prefix.bits < prefix.bits) {
      if (!prefixContains(node.prefix, prefix.bytes)) return undefined;
      node = bitAt(prefix.bytes, 0, node.prefix.bits) === 0 ? node.zero : node.one;
    }
    if (node === undefined || node.prefix.bits !== prefix.bits) return undefined;
    return prefixContains(node.prefix, prefix.bytes) ? node : undefined;
  }

  /** The node of a prefix, put into the trie where there is none. */
  #obtain(prefix: Prefix): Node<T> {
    let parent: Node<T> | undefined;
    let node = this.#root;
    while (node !== undefined && node.prefix.bits <= prefix.bits) {
      if (!prefixContains(node.prefix, prefix.bytes)) break;
      if (node.prefix.bits === prefix.bits) return node;
      parent = node;
      node = bitAt(prefix.bytes, 0, node.prefix.bits) === 0 ? node.zero : node.one;
    }
    const leaf = makeNode<T>(prefix);
    this.#attach(parent, node === undefined ? leaf : joined(leaf, node));
    return leaf;
  }

  #attach(parent: Node<T> | undefined, child: Node<T>): void {
    if (parent === undefined) this.#root = child;
    else hang(parent, child);
  }
}

function makeNode<T>(prefix: Prefix): Node<T> {
  return { prefix, value: undefined, zero: undefined, one: undefined };
}

/** `leaf` above `below` where it contains it, else a fork above both. */
function joined<T>(leaf: Node<T>, below: Node<T>): Node<T> {
  const shared = Math.min(
    commonPrefixBits(leaf.prefix.bytes, below.prefix.bytes),
    leaf.prefix.bits,
    below.prefix.bits,
  );
  if (shared === leaf.prefix.bits) {
    hang(leaf, below);
    return leaf;
  }
  const fork = makeNode<T>(maskedPrefix(leaf.prefix.bytes, shared));
  hang(fork, leaf);
  hang(fork, below);
  return fork;
}

function hang<T>(parent: Node<T>, child: Node<T>): void {
  if (bitAt(child.prefix.bytes, 0, parent.prefix.bits) === 0) parent.zero = child;
  else parent.one = child;
}

/**
 * The trie below `node` without the nodes on the way to `prefix` that neither hold a value nor
 * fork.
 */
function pruned<T>(node: Node<T> | undefined, prefix: Prefix): Node<T> | undefined {
  if (node === undefined) return undefined;
  if (node.prefix.bits < prefix.bits) {
    if (bitAt(prefix.bytes, 0, node.prefix.bits) === 0) node.zero = pruned(node.zero, prefix);
    else node.one = pruned(node.one, prefix);
  }
  if (node.value !== undefined) return node;
  if (node.zero !== undefined && node.one !== undefined) return node;
  return node.zero ?? node.one;
}

function bitAt(bytes: Uint8Array, offset: number, bit: number): number {
  return (bytes[offset + (bit >> 3)]! >> (7 - (bit & 7))) & 1;
}
