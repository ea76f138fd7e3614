// The guard lets one well-formed question through, and says of everything else what is due.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardQuestion } from '../../src/dns/guard.ts';
import { Rcode, RecordType } from '../../src/dns/protocol.ts';
import { makeOpt, makeQuestion, type QuestionOptions, uint16 } from './dns-messages.ts';

type Case = readonly [what: string, bytes: Uint8Array, verdict: string | Rcode];

const LONG_LABEL = 'a'.repeat(63);
const LONGEST_NAME = [LONG_LABEL, LONG_LABEL, LONG_LABEL, 'a'.repeat(61)].join('.');

const CASES: readonly Case[] = [
  ['nothing', new Uint8Array(0), 'short'],
  ['11 bytes', new Uint8Array(11), 'short'],
  ['a response', make({ flags: 0x8180 }), 'response'],
  ['a response cut short', make({ flags: 0x8180 }).subarray(0, 12), 'response'],
  ['a header alone', new Uint8Array(12), Rcode.FormatError],
  ['a status request', make({ flags: 2 << 11 }), Rcode.NotImplemented],
  ['a notify', make({ flags: 4 << 11 }), Rcode.NotImplemented],
  ['an update', make({ flags: 5 << 11 }), Rcode.NotImplemented],
  ['no question', make({ counts: [0, 0, 0, 0] }), Rcode.FormatError],
  ['two questions', make({ counts: [2, 0, 0, 0] }), Rcode.FormatError],
  ['an answer', make({ counts: [1, 1, 0, 0] }), Rcode.FormatError],
  ['an authority record', make({ counts: [1, 0, 1, 0] }), Rcode.FormatError],
  ['all counts at their most', make({ counts: [65535, 65535, 65535, 65535] }), Rcode.FormatError],
  ['a missing additional record', make({ counts: [1, 0, 0, 1] }), Rcode.FormatError],
  ['bytes behind the question', make({ tail: [0] }), Rcode.FormatError],
  ['a name without end', make({}).subarray(0, 20), Rcode.FormatError],
  ['no type', make({}).subarray(0, 26), Rcode.FormatError],
  ['a pointer to itself', raw([0xc0, 12]), Rcode.FormatError],
  ['a pointer behind a label', raw([1, 0x61, 0xc0, 12]), Rcode.FormatError],
  ['a label of type 01', raw([0x41, 0x61, 0]), Rcode.FormatError],
  ['a label of type 10', raw([0x81, 0x61, 0]), Rcode.FormatError],
  ['a name of 256 bytes', makeQuestion(`${LONGEST_NAME}a`), Rcode.FormatError],
  ['a name of 255 bytes', makeQuestion(LONGEST_NAME), 'question'],
  ['the root', makeQuestion(''), 'question'],
  ['class CH', make({ class: 3 }), Rcode.Refused],
  ['class ANY', make({ class: 255 }), Rcode.Refused],
  ['EDNS', make({ edns: {} }), 'question'],
  ['EDNS with options', make({ edns: { options: [0, 10, 0, 2, 1, 2] } }), 'question'],
  ['EDNS 1', make({ edns: { version: 1 } }), Rcode.BadVersion],
  ['two OPT', make({ counts: [1, 0, 0, 2], tail: twice(makeOpt({})) }), Rcode.FormatError],
  ['an OPT with an owner', make({ counts: [1, 0, 0, 1], tail: named() }), Rcode.FormatError],
  ['an OPT cut short', make({ edns: {} }).subarray(0, -1), Rcode.FormatError],
  ['a signature', make({ counts: [1, 0, 0, 1], tail: signature() }), 'question'],
  ['three additional records', make({ counts: [1, 0, 0, 3], tail: three() }), Rcode.FormatError],
  ['513 bytes', make({ edns: { options: new Array(472).fill(0) } }), Rcode.FormatError],
];

for (const [what, bytes, verdict] of CASES) {
  test(`guardQuestion() judges ${what}`, () => {
    const guarded = guardQuestion(bytes, 512);
    const found =
      guarded.kind === 'drop'
        ? guarded.reason
        : guarded.kind === 'reject'
          ? guarded.rcode
          : guarded.kind;
    assert.equal(found, verdict);
  });
}

test('guardQuestion() reads name, type, flags and EDNS', () => {
  const bytes = makeQuestion('A1._x.Web.internal', {
    type: RecordType.TXT,
    flags: 0x0110,
    edns: { payload: 4096, dnssecOk: true },
  });
  const guarded = guardQuestion(bytes, 512);
  assert.ok(guarded.kind === 'question');
  assert.deepEqual(guarded.question, {
    labels: ['a1', '_x', 'web', 'internal'],
    type: RecordType.TXT,
    nameEnd: 32,
    end: 36,
    recursionDesired: true,
    checkingDisabled: true,
    edns: { version: 0, payloadBytes: 4096, dnssecOk: true },
  });
});

test('guardQuestion() takes a dot in a label for no end of it', () => {
  const guarded = guardQuestion(makeQuestion(['web.internal', Uint8Array.of(0, 0xff)]), 512);
  assert.ok(guarded.kind === 'question');
  assert.deepEqual(guarded.question.labels, ['web\\046internal', '\\000\\255']);
});

function make(options: QuestionOptions): Uint8Array {
  return makeQuestion('web.internal', options);
}

/** A question whose name is these bytes. */
function raw(name: readonly number[]): Uint8Array {
  const question = makeQuestion('');
  return Uint8Array.from([...question.subarray(0, 12), ...name, 0, 28, 0, 1]);
}

function twice(bytes: readonly number[]): number[] {
  return [...bytes, ...bytes];
}

function named(): number[] {
  return [1, 0x61, ...makeOpt({})];
}

/** A TSIG record of no value, which is not looked at. */
function signature(): number[] {
  return [1, 0x61, 0, ...uint16(RecordType.TSIG), ...uint16(255), 0, 0, 0, 0, ...uint16(2), 1, 2];
}

function three(): number[] {
  return [...signature(), ...signature(), ...signature()];
}
