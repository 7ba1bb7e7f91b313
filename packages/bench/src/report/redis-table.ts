import type { RedisFigures, RedisPointResult } from '../redis/redis-figures.ts'
import type { RedisHeap } from '../redis/redis-heap.ts'
import { formatInterval, formatNumber, formatRatio } from './format.ts'
import type { Table } from './table.ts'

const percent = (share: number): string =>
  Number.isFinite(share) ? `${Math.round(share * 100)} %` : '–'

/** The title of a point, and how many pairs it rests on. */
export const redisPointTitle = ({ title, pairs, disturbed }: RedisPointResult): string =>
  `${title} (${pairs === 1 ? '1 pair' : `${pairs} pairs`}${disturbed ? `, ${disturbed} cycles disturbed` : ''})`

const cells = ({ name, ratios, ...figures }: RedisFigures, latency: boolean): string[] => [
  name,
  formatNumber(figures.opsPerSecond.median),
  ratios ? formatRatio(ratios.ops) : '–',
  ratios ? formatInterval(ratios.ops) : '–',
  formatNumber(figures.cpuUs.median),
  ratios ? formatRatio(ratios.cpu) : '–',
  ratios ? formatInterval(ratios.cpu) : '–',
  ...(latency
    ? [
        formatNumber(figures.p50Us.median),
        ratios ? formatRatio(ratios.p50) : '–',
        formatNumber(figures.p99Us.median),
      ]
    : []),
  `${percent(figures.clientBusy)} / ${percent(figures.serverBusy)}`,
  formatNumber(figures.peakMiB),
]

/** The table of a point: every ratio is ours to the row's. */
export const redisPointTable = ({ sides }: RedisPointResult): Table => {
  const latency = sides.some(({ p50Us }) => Number.isFinite(p50Us.median))
  return {
    head: [
      'client',
      'ops/s',
      'ours to it',
      '95 %',
      'CPU µs/op',
      'ours to it',
      '95 %',
      ...(latency ? ['p50 µs', 'ours to it', 'p99 µs'] : []),
      'busy cl/srv',
      'RSS peak MiB',
    ],
    rows: sides.map((side) => cells(side, latency)),
  }
}

/** The table of heap figures. */
export const redisHeapTable = (heap: readonly RedisHeap[]): Table => ({
  head: ['client', 'heap bytes per GET'],
  rows: heap.map(({ name, bytesPerGet }) => [name, formatNumber(bytesPerGet)]),
})
