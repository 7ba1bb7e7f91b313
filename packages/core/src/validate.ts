// Checks what a client sent with any Standard Schema (https://standardschema.dev, version 1).
import type { Context } from './context.ts'
import { UnsupportedMediaTypeError, ValidationError, type ValidationIssue } from './http-errors.ts'

/** The part of a Standard Schema v1 that is used; zod, valibot, arktype and others provide it. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/** What a schema says about a value. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

/** One thing that is wrong. */
export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Where the value to check comes from. */
export type ValidationSource = 'json' | 'form' | 'query' | 'params' | 'headers' | 'cookies'

const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** Names and values as an object without prototype; a repeated name has an array. */
function objectOf(entries: Iterable<readonly [string, string]>): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>
  for (const [name, value] of entries) {
    const before = object[name]
    if (before === undefined) object[name] = value
    else if (Array.isArray(before)) before.push(value)
    else object[name] = [before, value]
  }
  return object
}

async function read(c: Context, from: ValidationSource): Promise<unknown> {
  if (from === 'json') return await c.bodyJson()
  if (from === 'query') return objectOf(c.queryParams())
  if (from === 'params') return { ...c.params }
  if (from === 'headers') return objectOf(c.headers())
  if (from === 'cookies') return { ...c.cookies() }
  if (from !== 'form')
    throw new TypeError(
      `c.validate(): there is no source '${String(from)}': name json, form, query, params, headers or cookies`,
    )
  if (!FORM_TYPE.test(c.header('content-type') ?? ''))
    throw new UnsupportedMediaTypeError(
      'a form has the content-type application/x-www-form-urlencoded',
    )
  return objectOf(new URLSearchParams(await c.bodyText()))
}

function issueOf({ message, path }: StandardIssue): ValidationIssue {
  return { path: path?.map((part) => (typeof part === 'object' ? part.key : part)) ?? [], message }
}

/** Reads, checks, and gives what the schema makes of it. */
export async function validate<Output>(
  c: Context,
  schema: StandardSchema<Output>,
  from: ValidationSource | undefined,
): Promise<Output> {
  const standard = schema?.['~standard']
  if (typeof standard?.validate !== 'function')
    throw new TypeError(
      'c.validate(): the schema has no "~standard" property: give one that implements Standard Schema v1',
    )
  const source = from ?? (FORM_TYPE.test(c.header('content-type') ?? '') ? 'form' : 'json')
  const result = await standard.validate(await read(c, source))
  if (result.issues !== undefined) throw new ValidationError(result.issues.map(issueOf))
  return result.value
}
