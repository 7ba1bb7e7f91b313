import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bytesHash, nameHash } from './name-hash.ts'

const source = readFileSync(new URL('../native/test/name_hash_test.cc', import.meta.url), 'utf8')

/** Rows of the table in the C++ test: what one language computes, the other has to. */
const rows = [...source.matchAll(/^ {4}\{("(?:[^"\\]|\\.)*"), (-?\d+)\},$/gm)].map(
  ([, name = '', hash]) => ({ name: JSON.parse(name) as string, hash: Number(hash) }),
)

/** The name somewhere inside other bytes, as in a batch. */
function hashOfBytes(name: string): number {
  const bytes = new Uint8Array(name.length + 11).fill(0xee)
  bytes.set(new TextEncoder().encode(name), 5)
  return bytesHash(bytes, 5, name.length)
}

describe('name hash', () => {
  it('equals the one of the engines', () => {
    expect(rows.length).toBeGreaterThan(50)
    expect(rows.map(({ name }) => ({ name, hash: nameHash(name) }))).toEqual(rows)
    expect(rows.map(({ name }) => ({ name, hash: hashOfBytes(name) }))).toEqual(rows)
  })

  it('is the same over a string and over bytes, for every length', () => {
    const characters = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+-.^_`|~"
    for (let length = 0; length <= 80; length++) {
      for (let start = 0; start < characters.length; start++) {
        const name = Array.from(
          { length },
          (_, at) => characters[(start + at * 7) % characters.length],
        ).join('')
        if (nameHash(name) !== hashOfBytes(name))
          expect(hashOfBytes(name), name).toBe(nameHash(name))
      }
    }
  })

  it('folds ASCII case', () => {
    for (const { name } of rows) {
      expect(nameHash(name.toUpperCase()), name).toBe(nameHash(name.toLowerCase()))
    }
  })
})
