import { compileLinear, type SliceTest } from './linear-expression.ts'
import { paramText } from './path-text.ts'

/** Tests the value of a parameter, given as a slice of a decoded path. */
export type Constraint = SliceTest

/**
 * Compiles what stands between the braces of `:name{…}`: anchored, over the decoded value.
 * Matching is linear in the value. Only an expression with look-around, boundaries or references
 * is left to `RegExp`, whose time its author answers for.
 */
export function compileConstraint(source: string): Constraint {
  const linear = compileLinear(source)
  if (linear !== null) return linear
  const expression = new RegExp(`^(?:${source})$`, 'u')
  return (bytes, start, end) => {
    const length = end - start
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, length)
    return expression.test(paramText(view, 0, length))
  }
}

/** The same for a value at hand as text. */
export function constraintOnText(source: string): (value: string) => boolean {
  const matches = compileConstraint(source)
  return (value) => {
    const bytes = Buffer.from(value.replaceAll('/', '\0'))
    return matches(bytes, 0, bytes.length)
  }
}
