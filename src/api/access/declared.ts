// What a route declares about itself: what it does, and to what. Whoever asks with a token is
// judged by that alone; a route that declares nothing is for no token.

import type { FastifyRequest } from 'fastify';
import type { Verb } from '../../tokens/restrictions.ts';

/** Something that a request is about; see TokenObject for what is absent. */
export interface Place {
  readonly organization?: string | undefined;
  /** The name of a network of the organization. */
  readonly network?: string | undefined;
  readonly app?: string | undefined;
  /** Of what is an app's: the network that it is on. */
  readonly networkId?: number | undefined;
}

/** Whether whoever asks may see what is there. */
export type Sees = (place: Place) => boolean;

export type Target =
  /** What everybody may know. */
  | { readonly on: 'nothing' }
  /** The site as a whole, or this host. */
  | { readonly on: 'site' }
  /** What the request itself says. */
  | { readonly on: 'place'; readonly of: (request: FastifyRequest) => Place }
  /** An app that is there. */
  | { readonly on: 'app'; readonly of: (request: FastifyRequest) => string }
  /** The app of an instance, by the instance's id or name. */
  | { readonly on: 'instance'; readonly of: (request: FastifyRequest) => string }
  /** A list, of which everybody gets what he may see. */
  | { readonly on: 'each'; readonly only: (answer: unknown, sees: Sees) => unknown };

export interface Access {
  readonly verb: Verb;
  readonly target: Target;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly access?: Access;
  }
}

const ON_NOTHING: Target = { on: 'nothing' };
const ON_SITE: Target = { on: 'site' };

export const READ_PUBLIC: Access = { verb: 'read', target: ON_NOTHING };
export const READ_SITE: Access = { verb: 'read', target: ON_SITE };
export const CREATE_ON_SITE: Access = { verb: 'create', target: ON_SITE };
export const CHANGE_SITE: Access = { verb: 'change', target: ON_SITE };
export const REMOVE_FROM_SITE: Access = { verb: 'remove', target: ON_SITE };

/** Of a route whose path has the app as `:app` or `:name`. */
export function ofApp(verb: Verb): Access {
  const of = ({ params }: FastifyRequest): string => {
    const { app, name } = params as { readonly app?: string; readonly name?: string };
    return app ?? name ?? '';
  };
  return { verb, target: { on: 'app', of } };
}

/** Of a route whose path has the instance as `:reference`. */
export function ofInstance(verb: Verb): Access {
  const of = ({ params }: FastifyRequest): string =>
    (params as { readonly reference: string }).reference;
  return { verb, target: { on: 'instance', of } };
}

export function ofPlace(verb: Verb, of: (request: FastifyRequest) => Place): Access {
  return { verb, target: { on: 'place', of } };
}

/** Of a list, whose answer is of type T. */
export function ofEach<T>(only: (answer: T, sees: Sees) => T): Access {
  return { verb: 'read', target: { on: 'each', only: (answer, sees) => only(answer as T, sees) } };
}
