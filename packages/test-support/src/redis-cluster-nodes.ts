import type { RedisServer } from './redis-server.ts'

/** A line of CLUSTER NODES. */
export interface ClusterNodeLine {
  readonly id: string
  readonly port: number
  readonly flags: readonly string[]
  /** Of its master, for a replica. */
  readonly masterId: string | undefined
  /** First and last slot of each range it owns. */
  readonly ranges: readonly (readonly [number, number])[]
}

function parseRange(text: string): readonly [number, number] {
  const [first, last = first] = text.split('-')
  return [Number(first), Number(last)]
}

/** The cluster as one node sees it. */
export async function clusterNodes(node: RedisServer): Promise<ClusterNodeLine[]> {
  const text = String(await node.command('CLUSTER', 'NODES'))
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [id = '', address = '', flags = '', master = '-', , , , , ...slots] = line.split(' ')
      return {
        id,
        port: Number(/:(\d+)@/.exec(address)?.[1]),
        flags: flags.split(','),
        masterId: master === '-' ? undefined : master,
        // `[7->-id]` is a slot on its way, not one owned.
        ranges: slots.filter((slot) => !slot.startsWith('[')).map(parseRange),
      }
    })
}

/** Who owns what, in a text two nodes of one opinion agree on. */
export const ownership = (lines: readonly ClusterNodeLine[]): string =>
  lines
    .filter(({ ranges }) => ranges.length > 0)
    .map(({ id, ranges }) => `${id} ${ranges.join(' ')}`)
    .sort()
    .join('\n')
