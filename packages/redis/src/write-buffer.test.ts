import { describe, expect, it } from 'vitest'
import { OWN_SEGMENT_BYTES, SEGMENT_BYTES, WriteBuffer } from './write-buffer.ts'

const textOf = (segments: readonly Uint8Array[]): string =>
  Buffer.concat(segments).toString('latin1')

describe('WriteBuffer', () => {
  it('keeps the order of what is copied and what is not', () => {
    const out = new WriteBuffer()
    const large = Buffer.alloc(OWN_SEGMENT_BYTES, 'b')
    out.appendText('a')
    out.appendBytes(large)
    out.appendBytes(Buffer.from('c'))
    out.append(Buffer.from('d'))
    out.appendText('e'.repeat(OWN_SEGMENT_BYTES))
    const length = 3 + 2 * OWN_SEGMENT_BYTES
    expect(out.length).toBe(length)
    expect(textOf(out.take())).toBe(`a${large}cd${'e'.repeat(OWN_SEGMENT_BYTES)}`)
    expect(out.length).toBe(0)
  })

  it('keeps one segment of 64 KiB for the next connection, and nothing larger (FLUSH-8)', () => {
    const out = new WriteBuffer()
    out.appendText('small')
    const kept = out.only().buffer
    expect(kept.byteLength).toBe(SEGMENT_BYTES)
    out.reuse()
    const next = new WriteBuffer()
    next.appendText('next')
    expect(next.only().buffer).toBe(kept)

    next.append(Buffer.alloc(1_000_000))
    next.appendText('behind')
    for (const segment of next.take()) expect(segment.length).toBeLessThanOrEqual(1_000_000)
    const after = new WriteBuffer()
    after.appendText('after')
    expect(after.only().buffer.byteLength).toBe(SEGMENT_BYTES)
    expect(after.only().buffer).not.toBe(kept)
  })

  it('gives a buffer that somebody still reads to nobody else', () => {
    const out = new WriteBuffer()
    out.appendText('sent')
    const sent = out.only()
    out.giveAway()
    out.appendText('next')
    expect(sent.toString()).toBe('sent')
    expect(out.only().buffer).not.toBe(sent.buffer)
  })
})
