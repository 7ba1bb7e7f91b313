// Hot path: encodes commands as ioredis does, byte for byte, straight into the connection's buffer.
import { internals } from './ioredis-internals.ts'
import { OWN_SEGMENT_BYTES, type WriteBuffer } from './write-buffer.ts'

/** What a lean command may have as argument; anything else goes to ioredis. */
export type Scalar = string | number | bigint | boolean | null | undefined | Buffer

/** `*1\r\n$3\r\nget\r\n` and its like: the first bytes of a command, by number of arguments. */
export class CommandHead {
  readonly name: string
  readonly #nameBytes: Buffer
  readonly #heads: Buffer[] = []

  constructor(name: string) {
    this.name = name
    this.#nameBytes = Buffer.from(`\r\n$${Buffer.byteLength(name)}\r\n${name}\r\n`)
    for (let count = 0; count < 4; count++) this.#heads.push(this.#make(count))
  }

  #make(argumentCount: number): Buffer {
    return Buffer.concat([Buffer.from(`*${argumentCount + 1}`), this.#nameBytes])
  }

  /** Bytes before the first argument of a command with that many. */
  of(argumentCount: number): Buffer {
    return this.#heads[argumentCount] ?? this.#make(argumentCount)
  }
}

const DOLLAR = 36
const CR = 13
const LF = 10
const ZERO = 48
const SHORT_CHARACTERS = 24
/** `$`, a length of at most ten digits, CRLF before the argument, CRLF after it. */
const FRAME_BYTES = 15

/** `instanceof`, as ioredis asks: a Uint8Array that is no Buffer is text to it. */
export function isBytes(value: unknown): value is Buffer {
  return value instanceof Buffer
}

export function isScalar(value: unknown): value is Scalar {
  if (typeof value === 'string') return true
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return true
    case 'object':
      return value === null || isBytes(value)
    default:
      return false
  }
}

/** The string ioredis sends for an argument that is neither a string nor a Buffer. */
export function textOf(value: Exclude<Scalar, Buffer>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return `${value}`
  return (internals.utilities as { toArg(value: unknown): string }).toArg(value)
}

function writeHead(out: WriteBuffer, head: Buffer): void {
  const length = head.length
  out.reserve(length)
  const bytes = out.bytes
  const start = out.position
  for (let i = 0; i < length; i++) bytes[start + i] = head[i] as number
  out.position = start + length
}

/** Writes `$length\r\n` at `position`; returns where it ends. */
function writeLength(bytes: Buffer, position: number, length: number): number {
  let at = position
  bytes[at++] = DOLLAR
  if (length < 10) {
    bytes[at++] = ZERO + length
  } else if (length < 100) {
    const tens = (length / 10) | 0
    bytes[at++] = ZERO + tens
    bytes[at++] = ZERO + length - tens * 10
  } else {
    let end = at
    for (let rest = length; rest > 0; rest = (rest / 10) | 0) end++
    at = end
    for (let rest = length; rest > 0; rest = (rest / 10) | 0) bytes[--end] = ZERO + (rest % 10)
  }
  bytes[at++] = CR
  bytes[at++] = LF
  return at
}

function writeEnd(out: WriteBuffer, position: number): void {
  out.bytes[position] = CR
  out.bytes[position + 1] = LF
  out.position = position + 2
}

/** A value as large as a segment: between its length and its CRLF it goes as bytes of its own. */
function writeApart(out: WriteBuffer, value: Uint8Array): void {
  out.reserve(FRAME_BYTES)
  out.position = writeLength(out.bytes, out.position, value.length)
  out.append(value)
  out.reserve(2)
  writeEnd(out, out.position)
}

/** Text whose UTF-8 length is guessed to be its number of characters, and corrected if it is not. */
function writeLongText(out: WriteBuffer, text: string): void {
  const guess = text.length
  if (guess >= OWN_SEGMENT_BYTES) {
    writeApart(out, Buffer.from(text, 'utf8'))
    return
  }
  out.reserve(guess * 3 + FRAME_BYTES)
  const start = out.position
  const bytes = out.bytes
  let content = writeLength(bytes, start, guess)
  let written = bytes.write(text, content)
  if (written !== guess) {
    content = writeLength(bytes, start, written)
    written = bytes.write(text, content)
  }
  writeEnd(out, content + written)
}

function writeText(out: WriteBuffer, text: string): void {
  const length = text.length
  if (length > SHORT_CHARACTERS) {
    writeLongText(out, text)
    return
  }
  out.reserve(length + FRAME_BYTES)
  const bytes = out.bytes
  const content = writeLength(bytes, out.position, length)
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 127) {
      writeLongText(out, text)
      return
    }
    bytes[content + i] = unit
  }
  writeEnd(out, content + length)
}

/** Bytes are copied now: the caller may reuse them; from `borrowBytes` on they are only lent. */
function writeBytes(out: WriteBuffer, value: Buffer, borrowBytes: number): void {
  const length = value.length
  if (length >= OWN_SEGMENT_BYTES || length >= borrowBytes) {
    writeApart(out, length >= borrowBytes ? value : Buffer.from(value))
    return
  }
  out.reserve(length + FRAME_BYTES)
  const content = writeLength(out.bytes, out.position, length)
  // A detached Buffer has no bytes, and is not to be read.
  if (length > 0) out.bytes.set(value, content)
  writeEnd(out, content + length)
}

function writeArgument(out: WriteBuffer, value: Scalar, borrowBytes: number): void {
  if (typeof value === 'string') writeText(out, value)
  else if (isBytes(value)) writeBytes(out, value, borrowBytes)
  else writeText(out, textOf(value))
}

/** Encodes a command without arguments. */
export function encode0(out: WriteBuffer, head: CommandHead): void {
  writeHead(out, head.of(0))
}

/** Encodes a command with one argument. */
export function encode1(out: WriteBuffer, head: CommandHead, a: Scalar, borrowBytes: number): void {
  writeHead(out, head.of(1))
  writeArgument(out, a, borrowBytes)
}

/** Encodes a command with two arguments. */
export function encode2(
  out: WriteBuffer,
  head: CommandHead,
  a: Scalar,
  b: Scalar,
  borrowBytes: number,
): void {
  writeHead(out, head.of(2))
  writeArgument(out, a, borrowBytes)
  writeArgument(out, b, borrowBytes)
}

/** Encodes a command with any number of arguments. */
export function encodeAll(
  out: WriteBuffer,
  head: CommandHead,
  values: readonly Scalar[],
  borrowBytes: number,
): void {
  writeHead(out, head.of(values.length))
  for (let i = 0; i < values.length; i++) writeArgument(out, values[i], borrowBytes)
}
