import { describe, expect, it } from 'vitest'
import type { Slice } from '../tools/generator.ts'
import { figuresOf } from './figures.ts'

const slice = (part: Partial<Slice>): Slice => ({
  type: 'slice',
  cycle: 0,
  index: 0,
  server: 'x',
  requests: 1000,
  wallNs: 10e6,
  cpuNs: 9.9e6,
  waitNs: 0,
  userTicks: 1,
  systemTicks: 3,
  generatorCpuNs: 5e6,
  p50Us: 100,
  p90Us: 200,
  p99Us: 300,
  p999Us: 400,
  ...part,
})

describe('figuresOf', () => {
  it('takes ratios cycle by cycle, so that a slow moment hits both sides', () => {
    const reference = [slice({ cpuNs: 1e6 }), slice({ cpuNs: 3e6 }), slice({ cpuNs: 2e6 })]
    const mine = reference.map((one) => slice({ cpuNs: one.cpuNs * 1.1 }))
    const { cpuRatio } = figuresOf(mine, reference)
    expect(cpuRatio.median).toBeCloseTo(1.1)
    expect(cpuRatio.q3 - cpuRatio.q1).toBeCloseTo(0)
  })

  it('splits CPU by clock ticks of the whole measurement', () => {
    const figures = figuresOf([slice({})], [slice({})])
    expect(figures.cpuUs.median).toBeCloseTo(9.9)
    expect(figures.userUs).toBeCloseTo(9.9 / 4)
    expect(figures.systemUs).toBeCloseTo((9.9 * 3) / 4)
  })

  it('voids the throughput where only the generator was busy', () => {
    const limited = slice({ cpuNs: 5e6, generatorCpuNs: 9.9e6 })
    expect(figuresOf([limited], [limited]).throughputVoid).toBe(true)
    const saturated = slice({ cpuNs: 9.9e6, generatorCpuNs: 9.9e6 })
    expect(figuresOf([saturated], [saturated]).throughputVoid).toBe(false)
  })

  it('leaves out cycles that one side lacks', () => {
    const figures = figuresOf([slice({}), slice({})], [slice({})])
    expect(figures.cpuRatio.count).toBe(1)
  })
})
