// Hot path: whether a command may be lean now, or is ioredis's.
import { tracingChannel } from 'node:diagnostics_channel'
import { isScalar, type Scalar } from './command-encoder.ts'
import type { CommandSpec } from './command-table.ts'
import { sendCommandIsStock } from './guard.ts'
import { internals } from './ioredis-internals.ts'
import { type RedisInternals, TRANSPORT } from './redis-internals.ts'
import type { Transport } from './transport.ts'

const tracing = tracingChannel('ioredis:command')
const debug = internals.utilities?.Debug('redis') ?? { enabled: false }

let ownSendCommand: unknown

/** Says which `sendCommand` is ours: as long as it stands nobody wants to see each command. */
export function expectSendCommand(sendCommand: unknown): void {
  ownSendCommand = sendCommand
}

/** The connection whose commands may be lean now; undefined if ioredis has to see each. */
export function openTransport(redis: RedisInternals): Transport | undefined {
  const transport = redis[TRANSPORT]
  if (transport === undefined || !transport.open || redis.status !== 'ready') return undefined
  if (redis.sendCommand !== ownSendCommand || !sendCommandIsStock()) return undefined
  if (tracing.hasSubscribers || debug.enabled) return undefined
  const { condition } = transport
  return condition.subscriber && condition.protocol !== 3 ? undefined : transport
}

/** Whether this command may be encoded when it is called: no transformer, no prefix in its way. */
export function isPlain(spec: CommandSpec, keyPrefix: string | undefined): boolean {
  if (keyPrefix !== undefined && !spec.oneKey) return false
  return internals.transformers?.argument[spec.name] === spec.argumentTransformer
}

/** The connection that takes a lean command now; undefined if the call is ioredis's. */
export function leanTransport(redis: RedisInternals, spec: CommandSpec): Transport | undefined {
  const transport = openTransport(redis)
  if (transport === undefined || !isPlain(spec, transport.keyPrefix)) return undefined
  return spec.blocking && !transport.blockingMayBeLean ? undefined : transport
}

/** Arguments as ioredis flattens them, one level; undefined if one of them is not a scalar. */
function flattened(args: ArrayLike<unknown>): Scalar[] | undefined {
  const all: Scalar[] = []
  for (let i = 0; i < args.length; i++) {
    const value = args[i]
    if (isScalar(value)) {
      all.push(value)
    } else if (Array.isArray(value)) {
      for (let j = 0; j < value.length; j++) {
        const element: unknown = value[j]
        if (!isScalar(element)) return undefined
        // Holes are left out.
        if (element !== undefined || j in value) all.push(element)
      }
    } else {
      return undefined
    }
  }
  return all
}

/** What a command is sent with, fields of Maps and objects too; undefined if that is ioredis's. */
export function argumentsOf(spec: CommandSpec, args: ArrayLike<unknown>): Scalar[] | undefined {
  const { argumentTransformer } = spec
  if (argumentTransformer === undefined) return flattened(args)
  try {
    const all = argumentTransformer(Array.from(args).flat())
    return all.every(isScalar) ? all : undefined
  } catch {
    // A getter of the user: ioredis rejects.
    return undefined
  }
}

/** The key with the client's prefix, as ioredis joins them. */
export function prefixed(prefix: string, key: Scalar): Scalar {
  if (key instanceof Buffer) return Buffer.concat([Buffer.from(prefix), key])
  return prefix + (internals.utilities?.toArg(key) ?? '')
}
