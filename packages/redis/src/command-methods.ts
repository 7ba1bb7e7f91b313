// Hot path, L2: the built-in commands as methods that encode at once, or leave it to ioredis.
import { Redis as StockRedis } from 'ioredis'
import { defineBuiltins, defineMethod } from './builtin-methods.ts'
import { isScalar } from './command-encoder.ts'
import { type CommandSpec, commandTable, specOf } from './command-table.ts'
import { argumentsOf, expectSendCommand, leanTransport, prefixed } from './eligibility.ts'
import type { RedisInternals } from './redis-internals.ts'
import { BYTES, type Decoding, TEXT } from './reply-parser.ts'
import type { Transport } from './transport.ts'

type Method = (this: RedisInternals, ...args: unknown[]) => unknown

const stock = StockRedis.prototype as unknown as Record<string, Method>

/** Sends a call with any number of arguments; undefined if it is not for the fast path. */
function callMany(
  transport: Transport,
  spec: CommandSpec,
  decoding: Decoding,
  args: ArrayLike<unknown>,
): Promise<unknown> | undefined {
  const all = argumentsOf(spec, args)
  if (all === undefined) return undefined
  if (transport.keyPrefix !== undefined) {
    // ioredis adds the prefix to a key that is not there, too.
    if (all.length === 0) return undefined
    all[0] = prefixed(transport.keyPrefix, all[0])
  }
  return transport.call(spec, decoding, all.length, undefined, undefined, all)
}

function method(spec: CommandSpec, decoding: Decoding, name: string): Method {
  return function (this: RedisInternals, first?: unknown, second?: unknown): unknown {
    const transport = leanTransport(this, spec)
    if (transport !== undefined) {
      // biome-ignore lint/complexity/noArguments: a rest parameter would allocate for every call
      const args = arguments
      const count = args.length
      if (
        count <= 2 &&
        spec.argumentTransformer === undefined &&
        isScalar(first) &&
        isScalar(second)
      ) {
        const { keyPrefix } = transport
        if (keyPrefix === undefined) {
          return transport.call(spec, decoding, count, first, second, undefined)
        }
        if (count > 0) {
          return transport.call(
            spec,
            decoding,
            count,
            prefixed(keyPrefix, first),
            second,
            undefined,
          )
        }
      }
      const promise = callMany(transport, spec, decoding, args)
      if (promise !== undefined) return promise
    }
    // biome-ignore lint/complexity/noArguments: handed on as they are
    return (stock[name] as Method).apply(this, arguments as unknown as unknown[])
  }
}

/** `call('GET', key)`: the name is sent as the caller spells it. */
function anyCommand(decoding: Decoding, name: string): Method {
  return function (this: RedisInternals, ...args: unknown[]): unknown {
    const [command, ...rest] = args
    const spec = typeof command === 'string' ? specOf(command) : undefined
    const transport = spec && leanTransport(this, spec)
    return (
      (transport && callMany(transport, spec, decoding, rest)) ??
      (stock[name] as Method).apply(this, args)
    )
  }
}

/**
 * Defines every built-in command, in string and Buffer form, on the prototype of our class.
 * `sendCommand` is that class's own: as long as it stands nobody wants to see each command.
 */
export function defineCommands(prototype: object, sendCommand: unknown): void {
  expectSendCommand(sendCommand)
  defineBuiltins(prototype, commandTable.values(), method)
  defineMethod(prototype, 'call', anyCommand(TEXT, 'call'))
  defineMethod(prototype, 'callBuffer', anyCommand(BYTES, 'callBuffer'))
}
