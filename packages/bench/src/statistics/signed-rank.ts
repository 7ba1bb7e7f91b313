import { errorFunction } from 'simple-statistics'

/**
 * Two-sided p-value of Wilcoxon's signed-rank test that the values are symmetric around `center`;
 * normal approximation with correction for ties, fit for 10 values and more. Below that it says 1.
 */
export const signedRankPValue = (values: readonly number[], center = 1): number => {
  const differences = values.map((value) => value - center).filter((difference) => difference !== 0)
  const count = differences.length
  if (count < 10) return 1
  differences.sort((a, b) => Math.abs(a) - Math.abs(b))
  let positive = 0
  let tieCorrection = 0
  for (let start = 0; start < count; ) {
    const size = Math.abs(differences[start] ?? 0)
    let end = start
    while (end < count && Math.abs(differences[end] ?? 0) === size) end++
    const ties = end - start
    const rank = (start + 1 + end) / 2
    for (let i = start; i < end; i++) if ((differences[i] ?? 0) > 0) positive += rank
    tieCorrection += ties ** 3 - ties
    start = end
  }
  const mean = (count * (count + 1)) / 4
  const variance = (count * (count + 1) * (2 * count + 1)) / 24 - tieCorrection / 48
  if (variance === 0) return 1
  const z = Math.max(0, Math.abs(positive - mean) - 0.5) / Math.sqrt(variance)
  // The library's normal distribution is a table that ends at 0.999; its error function does not.
  return Math.max(0, Math.min(1, 1 - errorFunction(z / Math.SQRT2)))
}
