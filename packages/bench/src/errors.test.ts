import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { benchErrorCodes, shortReason } from './errors.ts'
import { packageRoot } from './package-root.ts'

describe('BenchError', () => {
  it('has a row with a cure in the README for each code, and for no other', () => {
    const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8')
    const rows = [...readme.matchAll(/^\| `(CELERIS_\w+)` +\| [^|\n]+ \| [^|\n]+ \|$/gm)]
    expect(rows.map((row) => row[1])).toEqual([...benchErrorCodes])
  })
})

describe('shortReason', () => {
  it('keeps what happened and why, without the stack', () => {
    const message = 'server x ended\nfile.mjs:8\n  ^\nTypeError: no\n    at y'
    expect(shortReason(message)).toBe('server x ended: TypeError: no')
    expect(shortReason('one line')).toBe('one line')
  })
})
