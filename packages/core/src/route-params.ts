// `Context` declares `out P` and a generic `param<N extends ParamNames<P>>(name: N): ParamValue<P, N>`:
// only so is a handler for any pattern accepted where a handler for one pattern is expected.

/** The segments of a pattern as a union: `'/a/:b'` gives `'' | 'a' | ':b'`. */
type Segment<P extends string> = P extends `${infer First}/${infer Rest}`
  ? First | Segment<Rest>
  : P

type RequiredName<S extends string> = S extends `:${infer N}{${infer Rest}`
  ? Rest extends `${string}}?`
    ? never
    : N
  : S extends `:${string}?`
    ? never
    : S extends `:${infer N}`
      ? N
      : S extends '*'
        ? '*'
        : S extends `*${infer N}`
          ? N
          : never

type OptionalName<S extends string> = S extends `:${infer N}{${infer Rest}`
  ? Rest extends `${string}}?`
    ? N
    : never
  : S extends `:${infer N}?`
    ? N
    : never

/** Names that are in every URL of the pattern; none if the pattern is not known. */
export type RequiredParamNames<P extends string> = string extends P
  ? never
  : RequiredName<Segment<P>>

/** Names of the parameters written `:name?`; any name if the pattern is not known. */
export type OptionalParamNames<P extends string> = string extends P
  ? string
  : OptionalName<Segment<P>>

/** All parameter names of a pattern: `'/users/:id{[0-9]+}/*rest'` gives `'id' | 'rest'`. */
export type ParamNames<P extends string> = RequiredParamNames<P> | OptionalParamNames<P>

/** Type of one parameter: a string, or undefined too if it is optional or the pattern unknown. */
export type ParamValue<P extends string, N extends string> =
  N extends OptionalParamNames<P> ? string | undefined : string

/** All parameters of a pattern as an object. */
export type Params<P extends string> = { readonly [N in RequiredParamNames<P>]: string } & {
  readonly [N in OptionalParamNames<P>]?: string
}
