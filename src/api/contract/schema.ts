// How a contract is written: an interface for readers, a typebox schema for validation, and a
// check at compile time that the two say the same. Interfaces cost a client nothing at run time,
// so a command that only calls the API loads no schema.

import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';

declare const contractBrand: unique symbol;
/** A JSON schema whose valid values are of type T. */
export type Contract<T> = TSchema & { readonly [contractBrand]?: T };

/** Longest text that any field takes unless it says otherwise, characters. */
export const TEXT_LENGTH_MAX = 255;

type Mutable<T> = T extends readonly (infer E)[]
  ? Mutable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;

/** The same properties, optional where the other's are, all the way down. */
type Same<A, B> =
  (<G>() => G extends A ? 1 : 2) extends <G>() => G extends B ? 1 : 2 ? true : false;

type Agreement<S, T> =
  Same<Mutable<S>, Mutable<T>> extends true
    ? unknown
    : { readonly problem: 'the interface and the schema differ' };

/** Binds a schema to the interface T; does not compile when they differ. */
export function contract<T>(): <S extends TSchema>(
  schema: S & Agreement<Static<S>, T>,
) => Contract<T> {
  return (schema) => schema as Contract<T>;
}

/** An object without any other property. */
export function strictObject<P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false });
}
