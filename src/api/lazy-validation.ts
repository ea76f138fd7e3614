// Request schemas are compiled when a route is asked for the first time: a server has a hundred of
// them, an operator's day needs a few, and to compile them all is a quarter of the start of p6nd.

import { createRequire } from 'node:module';
import type { BuildCompilerFromPool, ErrorObject } from '@fastify/ajv-compiler';

type Compile = ReturnType<BuildCompilerFromPool>;
type Route = Parameters<Compile>[0];

interface Validator {
  (data: unknown): unknown;
  errors: readonly ErrorObject[] | null | undefined;
}

const require = createRequire(import.meta.url);

/** What fastify compiles schemas with; a schema that cannot be compiled fails its first request. */
export const lazyValidation = ((...settings: Parameters<BuildCompilerFromPool>) => {
  let compile: Compile | undefined;
  return (route: Route): Validator => {
    let compiled: ReturnType<Compile> | undefined;
    const validate = (data: unknown): unknown => {
      compile ??= loadCompiler()()(...settings);
      compiled ??= compile(route);
      const isValid = compiled(data);
      validator.errors = compiled.errors;
      return isValid;
    };
    const validator = Object.assign(validate, { errors: undefined }) as Validator;
    return validator;
  };
}) as unknown as BuildCompilerFromPool;

/** Its own loading is put off too. */
function loadCompiler(): () => BuildCompilerFromPool {
  return require('@fastify/ajv-compiler') as () => BuildCompilerFromPool;
}
