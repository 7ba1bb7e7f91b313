import type { Seen } from '../model.ts'

/** A running server whose handler answers what it saw, in the field `x-seen`. */
export interface Subject {
  readonly port: number
  close(): Promise<void>
}

/** What a handler answers with: all code units of the texts are bytes. */
export const seenMark = (seen: Seen): string =>
  Buffer.from(JSON.stringify(seen), 'latin1').toString('base64')
