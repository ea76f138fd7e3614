// What an attach request asks for, and whether the instance that its owner has is that already.

import { P6nError } from '../base/errors.ts';
import type { Instance } from '../registry/model.ts';
import type { Attachment } from './journal-record.ts';
import { awaitedNamespace, identifyNamespace, isAwaited, isSameNamespace } from './namespace.ts';
import type { AttachRequest, NamespaceReference } from './ports.ts';

/** Throws NAMESPACE_INVALID for what no instance can live in. */
export function requestedAttachment(request: AttachRequest): Attachment {
  const { handover, interfaceName, namespace, owner } = request;
  const place =
    handover === undefined
      ? identifyNamespace(requireReference(namespace))
      : awaitedNamespace(handoverPath(request));
  return { ...place, interfaceName, owner, handover };
}

/** Whether a started instance with this attachment needs no other in its place. */
export function isWhatIsAsked(
  { app }: Pick<Instance, 'app'>,
  attachment: Attachment,
  request: AttachRequest,
): boolean {
  const { handover, interfaceName } = attachment;
  if (app !== request.app || handover !== request.handover) return false;
  if (handover === undefined) {
    if (interfaceName !== request.interfaceName) return false;
    return isSameNamespace(attachment, identifyNamespace(requireReference(request.namespace)));
  }
  return isAwaited(attachment) || ['', attachment.path].includes(handoverPath(request));
}

/** Where the owner moves the interface; empty while it has not told. */
export function handoverPath({ namespace }: AttachRequest): string {
  if (namespace === undefined) return '';
  if ('path' in namespace) return namespace.path;
  throw new P6nError('VALUE_INVALID', 'Cannot attach: a handover leads to a path');
}

function requireReference(namespace: NamespaceReference | undefined): NamespaceReference {
  if (namespace !== undefined) return namespace;
  throw new P6nError('VALUE_INVALID', 'Cannot attach: the namespace is missing');
}
