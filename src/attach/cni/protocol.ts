// The words of the CNI specification (containernetworking/cni, SPEC.md): versions, commands, error
// codes and the form of an error.

import { CNI_VERSIONS } from '../../api/contract/cni.ts';
import { P6nError } from '../../base/errors.ts';

export type CniVersion = (typeof CNI_VERSIONS)[number];
export const NEWEST_VERSION: CniVersion = '1.1.0';

export type CniCommand = 'ADD' | 'CHECK' | 'DEL' | 'VERSION' | 'GC' | 'STATUS';

/** The version of a configuration from which on a command exists. */
const COMMANDS: Readonly<Record<CniCommand, CniVersion>> = {
  ADD: '0.4.0',
  CHECK: '0.4.0',
  DEL: '0.4.0',
  VERSION: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
};

/** Section "Error" of the specification; from 100 on they are a plugin's own. */
export const CniCode = {
  IncompatibleVersion: 1,
  UnsupportedField: 2,
  BadEnvironment: 4,
  InputUnreadable: 5,
  InputUndecodable: 6,
  BadConfiguration: 7,
  TryLater: 11,
  /** STATUS: ADD would fail. */
  NotReady: 50,
  /** STATUS: and containers that exist may be cut off. */
  NotReadyAndLimited: 51,
  /** p6nd refused; its own code is in the details. */
  Refused: 100,
  /** CHECK: the container is not as ADD has left it. */
  Changed: 101,
} as const;
export type CniCode = (typeof CniCode)[keyof typeof CniCode];

export class CniError extends Error {
  override readonly name = 'CniError';
  readonly code: CniCode;
  readonly details: string;

  constructor(code: CniCode, message: string, details = '') {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export function badEnvironment(variable: string, rule: string): CniError {
  return new CniError(CniCode.BadEnvironment, `Cannot use ${variable}: ${rule}`);
}

export function badConfiguration(key: string, rule: string): CniError {
  return new CniError(CniCode.BadConfiguration, `Cannot use "${key}" of the network: ${rule}`);
}

export function isVersion(text: unknown): text is CniVersion {
  return CNI_VERSIONS.some((version) => version === text);
}

export function isCommand(text: string): text is CniCommand {
  return Object.hasOwn(COMMANDS, text);
}

/** Whether a configuration of `version` may use `command`. */
export function allowsCommand(version: CniVersion, command: CniCommand): boolean {
  return CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(COMMANDS[command]);
}

/** Any error as one for a container engine. */
export function asCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (!(error instanceof P6nError)) {
    const facts = error instanceof Error ? error.message : String(error);
    return new CniError(CniCode.Refused, `Cannot serve the container: ${facts}`);
  }
  const { code, hint, message } = error;
  return new CniError(codeOf(error), message, hint === undefined ? code : `${code}: ${hint}`);
}

export function formatError({ code, details, message }: CniError, version: CniVersion): string {
  const body = { cniVersion: version, code, msg: message };
  return `${JSON.stringify(details === '' ? body : { ...body, details })}\n`;
}

function codeOf({ code, fault }: P6nError): CniCode {
  switch (code) {
    case 'DAEMON_UNREACHABLE':
    case 'SERVER_UNREACHABLE':
    case 'REGISTRY_UNAVAILABLE':
    case 'CHANGED_MEANWHILE':
      return CniCode.TryLater;
    case 'NAMESPACE_INVALID':
      return CniCode.BadEnvironment;
    case 'NOT_FOUND':
      return CniCode.BadConfiguration;
    default:
      return fault === 'usage' ? CniCode.BadConfiguration : CniCode.Refused;
  }
}
