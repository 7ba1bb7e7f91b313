import { paramText } from './path-text.ts'

/** Tests the value of a parameter, given as a slice of a decoded path. */
export type Constraint = (bytes: Uint8Array, start: number, end: number) => boolean

/** Compiles what stands between the braces of `:name{…}`: anchored, over the decoded value. */
export function compileConstraint(source: string): Constraint {
  const expression = new RegExp(`^(?:${source})$`, 'u')
  return (bytes, start, end) => {
    const length = end - start
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, length)
    return expression.test(paramText(view, 0, length))
  }
}
