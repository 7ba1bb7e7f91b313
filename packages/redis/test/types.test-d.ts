// A program that type-checks with ioredis does with ours (API-4), and what is ours has types.
import type { ChainableCommander, Redis as StockRedis } from 'ioredis'
import { expectTypeOf } from 'vitest'
import Default, {
  Cluster,
  type FastPathState,
  type Queued,
  type QueueFullError,
  Redis,
  type RedisOptionError,
  type RedisOptions,
} from '../src/index.ts'

expectTypeOf(Default).toEqualTypeOf(Redis)

expectTypeOf({
  host: 'localhost',
  maxRetriesPerRequest: null,
  tls: {},
  maxQueuedBytes: 1,
  maxQueuedCommands: 1,
  borrowBuffers: 1,
  maxReplyBytes: 1,
  maxReplyElements: 1,
  fastPath: false,
}).toExtend<RedisOptions>()
// Every way ioredis's constructor may be called.
new Redis()
new Redis(6379)
new Redis(6379, 'localhost')
new Redis(6379, 'localhost', { db: 1 })
new Redis(6379, { db: 1 })
new Redis('redis://localhost')
new Redis('redis://localhost', { db: 1 })
const redis = new Redis({ lazyConnect: true })
new Cluster([{ host: 'localhost', port: 7000 }], {
  redisOptions: { maxQueuedBytes: 1, socketTimeout: 10_000 },
})
// @ts-expect-error: a limit is a number
new Redis({ maxQueuedBytes: 'much' })

const stock: StockRedis = redis
expectTypeOf(stock.get('a')).resolves.toEqualTypeOf<string | null>()
expectTypeOf(redis.get('a')).resolves.toEqualTypeOf<string | null>()
expectTypeOf(redis.getBuffer('a')).resolves.toEqualTypeOf<Buffer | null>()
expectTypeOf(redis.hgetall('a')).resolves.toEqualTypeOf<Record<string, string>>()
expectTypeOf(redis.pipeline()).toExtend<ChainableCommander>()
const duplicate: Redis = redis.duplicate()
expectTypeOf(duplicate.queued).toEqualTypeOf<Queued>()
expectTypeOf(redis.duplicate({ replyMapping: 'resp3' }).zscore('a', 'b')).resolves.toEqualTypeOf<
  number | null
>()

expectTypeOf(redis.fastPath).toEqualTypeOf<FastPathState>()
expectTypeOf(redis.queued).toEqualTypeOf<Queued>()
expectTypeOf(redis.flush()).toEqualTypeOf<void>()
expectTypeOf(redis.withSignal(AbortSignal.abort()).get('a')).resolves.toEqualTypeOf<string | null>()
expectTypeOf<QueueFullError['code']>().toEqualTypeOf<'CELERIS_REDIS_QUEUE_FULL'>()
expectTypeOf<RedisOptionError['code']>().toEqualTypeOf<'CELERIS_REDIS_OPTIONS'>()
