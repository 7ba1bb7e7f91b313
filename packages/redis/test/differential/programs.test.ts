import { Command, type Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { compare, type Pair, startPair } from './pair.ts'
import { picture } from './picture.ts'
import { type Call, chained, invoke, outcome, recorder, WAYS } from './ways.ts'

let pair: Pair
beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())

const PROTOCOLS = [
  { protocol: 2 },
  { protocol: 3 },
  { protocol: 3, replyMapping: 'resp3' },
] as const

const ways = async (client: Redis, calls: readonly Call[]): Promise<unknown> => {
  const made: Record<string, unknown> = {}
  for (const way of [
    'one by one',
    'as Buffers',
    'with a callback',
    'all at once',
    'in a pipeline',
    'in a transaction',
  ]) {
    made[way] = await WAYS[way]?.(client, calls)
  }
  return made
}

const LUA = `redis.call('SET', KEYS[1], ARGV[1]); return {KEYS[1], ARGV[1], #ARGV}`

describe('custom scripts (SAME-6)', () => {
  it.each([...PROTOCOLS, { keyPrefix: 'p:' }, { enableAutoPipelining: true }])('%o', (options) =>
    compare(pair, async ({ ready }) => {
      const client = await ready({
        ...options,
        scripts: { fromOptions: { lua: LUA, numberOfKeys: 1 } },
      })
      client.defineCommand('mine', { lua: LUA, numberOfKeys: 1 })
      client.defineCommand('anyKeys', { lua: 'return {KEYS, ARGV}' })
      client.defineCommand('reading', {
        lua: 'return redis.call("GET", KEYS[1])',
        numberOfKeys: 1,
        readOnly: true,
      })
      client.defineCommand('broken', { lua: 'return redis.call("NOSUCH")', numberOfKeys: 0 })
      const calls: Call[] = [
        ['mine', 'key', 'value'],
        ['mine', 'key', Buffer.from([0, 255]), 3],
        ['fromOptions', 'key', ['in', 'an array']],
        ['anyKeys', 2, 'a', 'b', 'c'],
        ['anyKeys', 0],
        ['reading', 'key'],
        ['broken'],
        ['get', 'key'],
      ]
      const before = await ways(client, calls)
      await client.script('FLUSH')
      const pipelinesFirst = await WAYS['in a pipeline']?.(client, calls)
      await client.script('FLUSH')
      const transactionsFirst = await WAYS['in a transaction']?.(client, calls)
      await client.script('FLUSH')
      return { before, pipelinesFirst, transactionsFirst, after: await ways(client, calls) }
    }),
  )
})

describe('transactions (SAME-2)', () => {
  it.each(PROTOCOLS)('WATCH, EXEC, DISCARD and their errors: %o', (options) =>
    compare(pair, async ({ ready, server }) => {
      const client = await ready(options)
      const { made, add } = recorder()
      await add(() => client.watch('w'))
      await server.command('SET', 'w', 'changed')
      await add(() => client.multi().set('w', 1).get('w').exec())
      await add(() => client.watch('w', 'v'))
      await add(() => client.unwatch())
      await add(() => client.multi().set('w', 1).get('w').exec())
      await add(() => client.watch('w'))
      await server.command('SET', 'w', 'changed')
      await add(() => client.multi({ pipeline: false }))
      await add(() => client.set('w', 2))
      await add(() => client.exec())
      await add(() => client.exec())
      await add(() => client.discard())
      await add(() => client.multi({ pipeline: false }))
      await add(() => client.get('w'))
      await add(() => client.discard())
      await add(() => chained(client.multi(), ['set', 'w'], ['get', 'w']))
      await add(() =>
        client
          .multi([
            ['set', 'w', 'x'],
            ['get', 'w'],
            ['getBuffer', 'w'],
          ])
          .exec(),
      )
      await add(() => client.multi([['set', 'w', 'x']]).exec())
      await add(() => client.multi().exec())
      await add(() => chained(client.multi(), ['set', 'w', 1], ['discard']))
      await add(() =>
        chained(
          client.multi(),
          ['hset', 'h', { a: 1 }],
          ['hgetall', 'h'],
          ['zadd', 'z', 1.5, 'a'],
          ['zrange', 'z', 0, -1, 'WITHSCORES'],
        ),
      )
      await add(() => client.multi().incr('h').get('w').exec())
      await add(() =>
        chained(
          client.pipeline(),
          ['get', 'w'],
          ['multi'],
          ['set', 'w', 5],
          ['exec'],
          ['get', 'w'],
        ),
      )
      await add(() =>
        chained(
          client.pipeline(),
          ['multi'],
          ['incr', 'n'],
          ['incr', 'n'],
          ['exec'],
          ['multi'],
          ['incr', 'n'],
          ['exec'],
        ),
      )
      await add(() => (client.multi() as unknown as { execBuffer(): unknown }).execBuffer())
      return made
    }),
  )
})

describe('pipelines (LPL-2, LPL-3)', () => {
  it.each(PROTOCOLS)('empty, used twice, wrong, with errors inside: %o', (options) =>
    compare(pair, async ({ ready }) => {
      const client = await ready(options)
      const { made, add } = recorder()
      await add(() => client.pipeline().exec())
      await add(() => client.pipeline([]).exec())
      await add(() => client.pipeline([['nosuch', 1]]).exec())
      await add(() =>
        client
          .pipeline([
            ['set', 'a', 1],
            ['get', 'a'],
            ['incr', 'h'],
            ['lpush', 'a', 1],
          ])
          .exec(),
      )
      const twice = client.pipeline().set('a', 1).incr('a')
      await add(() => twice.exec())
      await add(() => twice.exec())
      await add(() => twice.get('a').exec())
      made.push(twice.length)
      const both = client.pipeline().incr('n')
      const first = both.exec()
      await add(() => both.exec())
      await add(() => first)
      await add(
        () =>
          new Promise(
            (resolve) =>
              void client
                .pipeline()
                .get('a')
                .exec((...all) => resolve(all)),
          ),
      )
      await add(
        () => new Promise((resolve) => void client.pipeline().exec((...all) => resolve(all))),
      )
      const mixed = client.pipeline()
      mixed.set('a', 'one')
      mixed.call('GET', 'a')
      mixed.getBuffer('a')
      mixed.hset('h', { x: 1, y: 2 })
      mixed.hgetall('h')
      mixed.hgetallBuffer('h')
      mixed.lpush('a', 1)
      invoke(mixed, 'set', 'a', ['nested'])
      mixed.eval('return ARGV', 0, 1, 2)
      made.push(mixed.length)
      await add(() => mixed.exec())
      return made
    }),
  )

  it('and calls in between keep their order', () =>
    compare(pair, async ({ ready }) => {
      const client = await ready()
      client.defineCommand('bump', { lua: 'return redis.call("INCR", KEYS[1])', numberOfKeys: 1 })
      const order: string[] = []
      const follow = async (name: string, work: unknown): Promise<unknown> => {
        const became = await outcome(() => work)
        // A pipeline as a whole settles with its last reply, in ioredis some microtasks later.
        if (['incr', 'error', 'incr again', 'last'].includes(name)) order.push(name)
        return [name, became]
      }
      const results = await Promise.all([
        follow('incr', client.incr('n')),
        follow('pipeline', client.pipeline().incr('n').incr('n').exec()),
        follow('buffer', invoke(client, 'incrBuffer', 'n')),
        follow('script', invoke(client, 'bump', 'n')),
        follow('call', client.call('incr', 'n')),
        follow('mixed pipeline', client.pipeline().incr('n').call('INCR', 'n').exec()),
        follow('transaction', client.multi().incr('n').exec()),
        follow('object', client.hset('h', { n: 1 })),
        follow('error', client.incr('h')),
        follow('incr again', client.incr('n')),
        follow('script again', invoke(client, 'bump', 'n')),
        follow('last', client.get('n')),
      ])
      return { order, results }
    }))
})

describe('what is sent', () => {
  it('is what an argument was when the call was made', () =>
    compare(pair, async ({ ready }) => {
      const client = await ready()
      const buffers = [10, 5_000, 20_000, 70_000, 1_000_000].map((size) => Buffer.alloc(size, 65))
      const calls = buffers.flatMap((buffer, i) => [
        client.set(`b${i}`, buffer),
        client.pipeline().set(`p${i}`, buffer).exec(),
      ])
      for (const buffer of buffers) buffer.fill(66)
      await Promise.all(calls)
      const texts = [16_383, 16_384, 65_535, 65_536, 300_000].map((size) => '\u00e9'.repeat(size))
      await Promise.all(texts.map((text, i) => client.set(`t${i}`, text)))
      return Promise.all([
        ...buffers.map((_, i) => client.get(`b${i}`)),
        ...buffers.map((_, i) => client.getBuffer(`p${i}`).then((value) => picture(value))),
        ...texts.map(async (text, i) => (await client.get(`t${i}`)) === text),
      ])
    }))
})

describe('commands by other doors', () => {
  it('sendCommand, createBuiltinCommand, addBuiltinCommand (SAME-16)', () =>
    compare(pair, async ({ ready }) => {
      const client = await ready()
      const made: unknown[] = [client.getBuiltinCommands().length]
      made.push(await outcome(() => client.sendCommand(new Command('SET', ['k', 'v']))))
      made.push(
        await outcome(() =>
          client.sendCommand(new Command('get', ['k'], { replyEncoding: 'utf8' })),
        ),
      )
      const created = client.createBuiltinCommand('getrange')
      made.push(await outcome(() => created.string.call(client, 'k', 0, -1)))
      made.push(await outcome(() => created.buffer.call(client, 'k', 0, -1)))
      client.addBuiltinCommand('my.command')
      made.push(await outcome(() => invoke(client, 'my.command', 1)))
      made.push(await outcome(() => invoke(client.pipeline(), 'my.command', 1)))
      made.push(await outcome(() => invoke(client, 'my.commandBuffer', 1)))
      return made.map((each) => (each as { resolved?: unknown }).resolved ?? each)
    }))
})

describe('auto-pipelining', () => {
  it('counts what waits, before the connection is ready and after', () =>
    compare(
      pair,
      async ({ create }) => {
        const client = create({
          enableAutoPipelining: true,
          autoPipeliningIgnoredCommands: ['incr'],
          scripts: { mine: { lua: 'return 1', numberOfKeys: 0 } },
        })
        const sizes: number[] = []
        for (let round = 0; round < 3; round++) {
          const calls: unknown[] = []
          for (const call of [
            ['set', 'k', 1],
            ['getBuffer', 'k'],
            ['mine'],
            ['incr', 'k'],
          ] as Call[]) {
            calls.push(invoke(client, ...call))
            sizes.push(client.autoPipelineQueueSize)
          }
          calls.push(client.pipeline().get('k').exec(), client.select(0))
          sizes.push(client.autoPipelineQueueSize)
          await Promise.all(calls)
          sizes.push(client.autoPipelineQueueSize)
        }
        return sizes
      },
      { bytes: false },
    ))
})

describe('friendly error stacks', () => {
  it('begin where the call was made', () =>
    compare(pair, async ({ ready }) => {
      const client = await ready({ showFriendlyErrorStack: true })
      const { made, add } = recorder()
      const firstFrame = async (call: () => unknown): Promise<void> => {
        await add(async () => {
          const error = await Promise.resolve(call()).then(
            (results) => (results as [Error][])[0]?.[0],
            (error: Error) => error,
          )
          return /differential\/([\w.]+)/.exec(error?.stack?.split('\n')[1] ?? '')?.[1]
        })
      }
      await firstFrame(() => invoke(client, 'set', 'k'))
      await firstFrame(() => invoke(client, 'setBuffer', 'k'))
      await firstFrame(() => client.call('SET', 'k', 'v', 'wrong'))
      await firstFrame(() => chained(client.pipeline(), ['set', 'k']))
      expect(made[0]).toEqual({ resolved: 'ways.ts' })
      return made
    }))
})

describe('transformers that are set later', () => {
  const { _transformer: all } = Command as unknown as {
    _transformer: Record<'argument' | 'reply', Record<string, unknown>>
  }
  afterEach(() => {
    delete all.argument.get
    delete all.reply.get
    delete all.reply.incr
  })

  it.each(PROTOCOLS)('apply to arguments and replies: %o', (options) =>
    compare(pair, async ({ ready }) => {
      const client = await ready(options)
      const calls: Call[] = [
        ['set', 'k', 'v'],
        ['get', 'k'],
        ['incr', 'n'],
        ['incr', 'k'],
        ['hset', 'h', { a: 1 }],
        ['hgetall', 'h'],
      ]
      Command.setArgumentTransformer('get', (args) => args.map(() => 'k'))
      Command.setReplyTransformer('get', (value: unknown) => [value, 'seen'])
      Command.setReplyTransformer('incr', () => {
        throw new Error('a transformer that throws')
      })
      return ways(client, calls.filter(([name]) => name !== 'incr').concat([['get', 'other']]))
    }),
  )
})
