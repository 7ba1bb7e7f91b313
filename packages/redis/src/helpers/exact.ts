/** A quotient and what is left, both integers. */
export interface Division {
  readonly quotient: number
  readonly remainder: number
}

/**
 * `a × b ÷ c`, exactly. All are integers from 0 (`c`: from 1) to 2^53 - 1, and so must the quotient
 * be; the product may be larger.
 */
export function divideProduct(a: number, b: number, c: number): Division {
  const product = a * b
  if (product <= Number.MAX_SAFE_INTEGER) {
    const remainder = product % c
    return { quotient: (product - remainder) / c, remainder }
  }
  const exact = BigInt(a) * BigInt(b)
  return { quotient: Number(exact / BigInt(c)), remainder: Number(exact % BigInt(c)) }
}

/** Integers whose quotient is nearest to a number. */
export interface Ratio {
  readonly numerator: number
  readonly denominator: number
}

/**
 * The simplest fraction that is read as the same double (0.1 is 1 / 10, 1 / 3 is 1 / 3), or, where
 * its parts would exceed `max`, the nearest one by continued fractions. `value` is from 1 / `max` to
 * `max`.
 */
export function simplestRatio(value: number, max: number): Ratio {
  let [numerator, denominator] = [Math.floor(value), 1]
  let [numeratorBefore, denominatorBefore] = [1, 0]
  let rest = value - numerator
  while (numerator / denominator !== value && rest > 0) {
    const term = Math.floor(1 / rest)
    rest = 1 / rest - term
    const nextNumerator = term * numerator + numeratorBefore
    const nextDenominator = term * denominator + denominatorBefore
    if (nextNumerator > max || nextDenominator > max) break
    ;[numeratorBefore, denominatorBefore] = [numerator, denominator]
    ;[numerator, denominator] = [nextNumerator, nextDenominator]
  }
  return { numerator, denominator }
}
