import { describe, expect, it } from 'vitest'
import type { Figures, Ratio } from '../measure/figures.ts'
import type { RunReport } from '../run/run-matrix.ts'
import { reportMarkdown, reportSections } from './markdown.ts'

const summary = (median: number) => ({ median, q1: median, q3: median, count: 9 })
const ratio = (median: number): Ratio => ({
  ...summary(median),
  interval: { low: median, high: median },
})

const figures = (cpuUs: number): Figures => ({
  cpuUs: summary(cpuUs),
  cpuRatio: ratio(cpuUs / 5),
  userUs: 1,
  systemUs: cpuUs - 1,
  splitTicks: 500,
  p50Us: summary(300),
  p50Ratio: ratio(1),
  p90Us: summary(400),
  p99Us: summary(500),
  requestsPerSecond: summary(123_456),
  throughputRatio: ratio(1),
  serverBusy: 0.99,
  generatorBusy: 0.5,
  throughputVoid: false,
  requests: 100_000,
})

const report: RunReport = {
  kind: 'run',
  format: 1,
  date: '2026-01-02T03:04:05.000Z',
  machine: {
    cpu: 'Test CPU',
    cores: 2,
    memoryGiB: 8,
    kernel: 'linux 6',
    node: 'v20.20.0',
    compiler: 'cc',
    governor: 'performance',
    descriptors: '1024 / 20000',
    loadAverage: 0,
  },
  pinning: 'server on core 0, load on core 1',
  servers: [
    { name: 'limit', version: 'C' },
    { name: 'celeris-epoll', version: '0.1.0' },
    { name: 'uws', version: '3.0.5' },
  ],
  skipped: [],
  cases: [
    {
      scenario: 'hello',
      load: { connections: 64, depth: 1 },
      reference: 'limit',
      servers: [
        { name: 'limit', figures: figures(5) },
        { name: 'celeris-epoll', figures: figures(6) },
        { name: 'uws', figures: figures(5.5) },
      ],
      cycles: 9,
      disturbed: 1,
      keptDisturbed: false,
    },
  ],
  partial: false,
}

describe('reportMarkdown', () => {
  it('puts losses first and names date, machine and versions', () => {
    const text = reportMarkdown(report)
    expect(text.startsWith('Where we lose:')).toBe(true)
    expect(text).toContain('uws needs less CPU than celeris-epoll in hello, 64 connections')
    expect(text).toContain('2026-01-02, Test CPU, 2 cores')
    expect(text).toContain('uws 3.0.5')
  })

  it('writes a table row per server', () => {
    expect(reportMarkdown(report)).toMatch(
      /^\| celeris-epoll \| +6\.00 \| ×1\.20 \[1\.20\.\.1\.20\] \|/m,
    )
  })
})

describe('reportSections', () => {
  it('has one section per scenario beside the whole and the summary', () => {
    expect([...reportSections(report).keys()]).toEqual(['run', 'summary', 'hello'])
  })
})
