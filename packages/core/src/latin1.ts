// Hot path. Buffer's own slice without the look-up of an encoding name; the public way where a runtime lacks it.
interface Sliceable {
  latin1Slice(start: number, end: number): string
}

const direct: boolean =
  typeof (Buffer.prototype as unknown as Partial<Sliceable>).latin1Slice === 'function'

/** Bytes as text, one code unit per byte. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return direct
    ? (bytes as unknown as Sliceable).latin1Slice(start, end)
    : bytes.toString('latin1', start, end)
}
