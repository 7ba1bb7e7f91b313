// Where the built-in commands become methods: on a client, a cluster, a pipeline and a signal's view.
import type { CommandSpec } from './command-table.ts'
import { BYTES, type Decoding, TEXT } from './reply-parser.ts'

/** Defines a method as ioredis has it on its prototypes. */
export function defineMethod(prototype: object, name: string, value: unknown): void {
  Object.defineProperty(prototype, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

/** Defines each command in string and Buffer form. */
export function defineBuiltins(
  prototype: object,
  specs: Iterable<CommandSpec>,
  make: (spec: CommandSpec, decoding: Decoding, name: string) => unknown,
): void {
  for (const spec of specs) {
    for (const [name, decoding] of [
      [spec.name, TEXT],
      [`${spec.name}Buffer`, BYTES],
    ] as const) {
      defineMethod(prototype, name, make(spec, decoding, name))
    }
  }
}
