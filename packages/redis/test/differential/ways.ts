// The ways a program can make a list of calls.
import type { Redis } from 'ioredis'
import { keepsOrder } from './deviations.ts'
import { kindOf, picture, unordered } from './picture.ts'

/** A method and its arguments, which are made anew for each use. */
export type Call = readonly [name: string, ...args: unknown[]]
export type Method = (...args: unknown[]) => unknown
/** Makes all calls and returns all outcomes as data. */
export type Way = (client: Redis, calls: readonly Call[]) => Promise<unknown>

/** Their order is that of a hash table. */
const UNORDERED = new Set(['keys', 'sdiff', 'sinter', 'smembers', 'sunion', 'hvals', 'hkeys'])
/** They tell of the clock, of the machine, or of chance. */
const VARYING = new Set([
  'randomkey',
  'time',
  'lastsave',
  'info',
  'memory',
  'slowlog',
  'latency',
  'client',
])

const methods = (object: unknown): Record<string, Method | undefined> =>
  object as Record<string, Method | undefined>

/** Calls a method of a client or pipeline that may have no such method. */
export function invoke(object: unknown, name: string, ...args: unknown[]): unknown {
  const method = methods(object)[name]
  if (method === undefined) throw new TypeError(`no method ${name}`)
  return method.apply(object, args)
}

/** The server as it was in the beginning, by the client's own connection. */
export async function clean(client: Redis): Promise<void> {
  await client.flushall()
  await client.script('FLUSH')
  await client.function('FLUSH')
}

/** What became of a call: its value, its rejection, or what it threw at once. */
export async function outcome(
  work: () => unknown,
  show: (value: unknown) => unknown = picture,
): Promise<unknown> {
  let value: unknown
  try {
    value = work()
  } catch (error) {
    return { threw: picture(error) }
  }
  try {
    return { resolved: show(await value) }
  } catch (error) {
    return { rejected: picture(error) }
  }
}

/** Outcomes, one after the other. */
export function recorder(): { made: unknown[]; add: (work: () => unknown) => Promise<void> } {
  const made: unknown[] = []
  const add = async (work: () => unknown): Promise<void> => {
    const became = await outcome(work)
    made.push(became)
  }
  return { made, add }
}

/** Fills a pipeline or transaction, whatever the types allow, and executes it. */
export function chained(batch: { exec(): unknown }, ...calls: Call[]): unknown {
  for (const [name, ...args] of calls) invoke(batch, name, ...args)
  return batch.exec()
}

const shownAs =
  (name: string) =>
  (value: unknown): unknown => {
    const plain = name.replace(/Buffer$/, '').toLowerCase()
    if (VARYING.has(plain)) return kindOf(value)
    return UNORDERED.has(plain) ? unordered(picture(value)) : picture(value)
  }

const oneByOne =
  (make: (client: Redis, call: Call) => unknown): Way =>
  async (client, calls) => {
    const outcomes: unknown[] = []
    for (const call of calls) {
      outcomes.push([call[0], await outcome(() => make(client, call), shownAs(call[0]))])
    }
    return outcomes
  }

const withCallback = (client: Redis, [name, ...args]: Call): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const callback = (error: unknown, value: unknown): void => {
      if (error) reject(error)
      else resolve(value)
    }
    invoke(client, name, ...args, callback)
  })

/** All at once; also in which order they settle. */
const burst: Way = async (client, calls) => {
  const order: number[] = []
  const outcomes = await Promise.all(
    calls.map(async ([name, ...args], index) => {
      const became = await outcome(() => invoke(client, name, ...args), shownAs(name))
      order.push(index)
      return [name, became]
    }),
  )
  return keepsOrder(client.options) ? { order, outcomes } : { outcomes }
}

const fill = (batch: object, calls: readonly Call[]): unknown[] =>
  calls.map(([name, ...args]) => {
    try {
      return invoke(batch, name, ...args) === batch
    } catch (error) {
      return picture(error)
    }
  })

/** Results of a pipeline, each shown as its call asks. */
const batchResults =
  (calls: readonly Call[]) =>
  (results: unknown): unknown =>
    Array.isArray(results) && results.length === calls.length
      ? results.map((pair, index) => {
          const [error, value] = pair as [unknown, unknown]
          const length = (pair as unknown[]).length
          return [length, picture(error), shownAs((calls[index] as Call)[0])(value)]
        })
      : picture(results)

const inPipeline: Way = async (client, calls) => {
  const pipeline = client.pipeline()
  const chained = fill(pipeline, calls)
  const { length } = pipeline
  return { chained, length, exec: await outcome(() => pipeline.exec(), batchResults(calls)) }
}

const asPipelineArray: Way = (client, calls) =>
  outcome(() => client.pipeline(calls.map((call) => [...call])).exec(), batchResults(calls))

/** A callback per call, and one for the whole. */
const inPipelineWithCallbacks: Way = async (client, calls) => {
  const heard: unknown[] = []
  const pipeline = client.pipeline()
  for (const [index, [name, ...args]] of calls.entries()) {
    const show = shownAs(name)
    invoke(pipeline, name, ...args, (error: unknown, value: unknown) =>
      heard.push([index, picture(error), show(value)]),
    )
  }
  const results = await new Promise((resolve) => {
    void pipeline.exec((error, all) => resolve([picture(error), batchResults(calls)(all)]))
  })
  return { heard, results }
}

const inTransaction: Way = async (client, calls) => {
  const multi = client.multi()
  const chained = fill(multi, calls)
  return { chained, exec: await outcome(() => multi.exec(), batchResults(calls)) }
}

const inOpenTransaction: Way = async (client, calls) => {
  const queued: unknown[] = [await outcome(() => client.multi({ pipeline: false }))]
  for (const [name, ...args] of calls) {
    queued.push(await outcome(() => invoke(client, name, ...args)))
  }
  return { queued, exec: await outcome(() => client.exec(), batchResults(calls)) }
}

const buffered = ([name, ...args]: Call): Call => [`${name}Buffer`, ...args]

/** Each way makes the same calls, and both sides have to agree on what comes of it. */
export const WAYS: Readonly<Record<string, Way>> = {
  'one by one': oneByOne((client, [name, ...args]) => invoke(client, name, ...args)),
  'as Buffers': oneByOne((client, call) => invoke(client, ...buffered(call))),
  'through call': oneByOne((client, [name, ...args]) =>
    invoke(client, 'call', name.toUpperCase(), ...args),
  ),
  'through callBuffer': oneByOne((client, call) => invoke(client, 'callBuffer', ...call)),
  'through send_command': oneByOne((client, call) => invoke(client, 'send_command', ...call)),
  'with a callback': oneByOne(withCallback),
  'all at once': burst,
  'all at once, as Buffers': (client, calls) => burst(client, calls.map(buffered)),
  'in a pipeline': inPipeline,
  'in a pipeline, as Buffers': (client, calls) => inPipeline(client, calls.map(buffered)),
  'as an array for a pipeline': asPipelineArray,
  'in a pipeline with callbacks': inPipelineWithCallbacks,
  'in a transaction': inTransaction,
  'in an open transaction': inOpenTransaction,
}
