// What node's parser lets through and http1.md does not: target, Host, transfer codings, limits. First failure decides.
import type { IncomingMessage } from 'node:http'
import {
  METHOD_BYTES_MAX,
  REQUEST_FLAG_ABSOLUTE_FORM,
  REQUEST_FLAG_CHUNKED,
  REQUEST_FLAG_CLOSE,
  REQUEST_FLAG_EXPECT_CONTINUE,
  REQUEST_FLAG_KEEP_ALIVE_1_0,
  REQUEST_FLAG_PATH_PLAIN,
  REQUEST_FLAG_UPGRADE,
  REQUEST_LINE_BYTES_MAX,
} from '@celeris/engine/layout'
import { lazily } from '../lazily.ts'

const net = lazily<typeof import('node:net')>('node:net')

/** A request head as node parsed it. */
export interface ParsedHead {
  readonly method: string
  /** Target as sent, one code unit per byte. */
  readonly target: string
  readonly major: number
  readonly minor: number
  /** Names and values in turn, as sent. */
  readonly fields: readonly string[]
}

/** A head as node gives it. */
export function headOf(message: IncomingMessage): ParsedHead {
  return {
    method: message.method ?? '',
    target: message.url ?? '',
    major: message.httpVersionMajor,
    minor: message.httpVersionMinor,
    fields: message.rawHeaders,
  }
}

export interface HeadLimits {
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  readonly maxRequestBodySize: number
  /** The connection is encrypted: absolute targets may say `https`. */
  readonly secure: boolean
}

/** What the record says about a head; `status` is not 0 when the engine must refuse it. */
export interface HeadVerdict {
  status: number
  flags: number
  minor: number
  pathStart: number
  pathEnd: number
  contentLength: number
  hasBody: boolean
}

const TARGET = /^[\x21\x22\x24-\x7e]+$/
const HOST = /^(?:\[([0-9a-f:.]+)\]|(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})+)(?::(\d{0,5}))?$/i

/** Whether a Host value or an authority names a host (HOST-2). */
function isHost(value: string): boolean {
  const match = HOST.exec(value)
  if (match === null) return false
  if (match[1] !== undefined && !net().isIPv6(match[1])) return false
  return match[2] === undefined || Number(match[2]) <= 65_535
}

function tokens(value: string): string[] {
  return value.split(',').map((token) => token.trim().toLowerCase())
}

/** Finds the path in the target, or the status that refuses it (TGT). */
function checkTarget(head: ParsedHead, secure: boolean, verdict: HeadVerdict): number {
  const { target, method } = head
  if (!TARGET.test(target)) return 400
  if (target === '*') {
    verdict.pathEnd = 1
    return method === 'OPTIONS' ? 0 : 400
  }
  let start = 0
  if (!target.startsWith('/')) {
    const scheme = /^(https?):\/\//i.exec(target)?.[1]?.toLowerCase()
    if (scheme === undefined) return 400
    start = scheme.length + 3
    const after = target.slice(start).search(/[/?]/)
    const authority = after < 0 ? target.slice(start) : target.slice(start, start + after)
    if ((scheme === 'https') !== secure) return 421
    if (!isHost(authority)) return 400
    start += authority.length
    verdict.flags |= REQUEST_FLAG_ABSOLUTE_FORM
  }
  const query = target.indexOf('?', start)
  verdict.pathStart = start
  verdict.pathEnd = query < 0 ? target.length : query
  const path = target.slice(start, verdict.pathEnd)
  if (!path.includes('%') && !path.includes('/.')) verdict.flags |= REQUEST_FLAG_PATH_PLAIN
  return 0
}

interface Framing {
  hosts: number
  lengths: number
  codings: number
  close: boolean
  keepAlive: boolean
  upgradeToken: boolean
  upgradeField: boolean
}

/** Reads the fields that decide about framing and the connection, or the status that refuses them. */
function checkFields(head: ParsedHead, verdict: HeadVerdict): number {
  const seen: Framing = {
    hosts: 0,
    lengths: 0,
    codings: 0,
    close: false,
    keepAlive: false,
    upgradeToken: false,
    upgradeField: false,
  }
  let status = 0
  let expectation: string | null = null
  for (let i = 0; i < head.fields.length; i += 2) {
    const value = head.fields[i + 1] as string
    switch ((head.fields[i] as string).toLowerCase()) {
      case 'host':
        seen.hosts++
        if (!isHost(value) && !(value === '' && head.minor === 0)) status ||= 400
        break
      case 'content-length':
        seen.lengths++
        if (!/^\d+$/.test(value)) status ||= 400
        verdict.contentLength = Number(value)
        break
      case 'transfer-encoding':
        seen.codings++
        if (value.toLowerCase() !== 'chunked') status ||= 400
        break
      case 'connection':
      case 'proxy-connection':
        // node's parser obeys both: it reads nothing behind a request with `Proxy-Connection: close`.
        for (const token of tokens(value)) {
          if (token === 'close') seen.close = true
          else if (token === 'keep-alive') seen.keepAlive = true
          else if (token === 'upgrade') seen.upgradeToken = true
        }
        break
      case 'upgrade':
        seen.upgradeField = true
        break
      case 'expect':
        // One that is unknown is not made up for by another line (EXP-2).
        if (expectation === null || expectation === '100-continue')
          expectation = value.toLowerCase()
        break
    }
  }
  if (status !== 0) return status
  if (seen.hosts > 1 || (seen.hosts === 0 && head.minor !== 0)) return 400
  if (seen.lengths > 1 || seen.codings > 1 || seen.lengths + seen.codings > 1) return 400
  if (seen.codings === 1 && head.minor === 0) return 400
  verdict.hasBody = seen.codings === 1 || verdict.contentLength > 0
  if (head.method === 'TRACE' && verdict.hasBody) return 400
  if (seen.codings === 1) verdict.flags |= REQUEST_FLAG_CHUNKED
  if (seen.upgradeField && seen.upgradeToken && head.minor !== 0)
    verdict.flags |= REQUEST_FLAG_UPGRADE
  if (seen.close || (head.minor === 0 && !seen.keepAlive)) verdict.flags |= REQUEST_FLAG_CLOSE
  else if (head.minor === 0) verdict.flags |= REQUEST_FLAG_KEEP_ALIVE_1_0
  if (expectation !== null && head.minor !== 0) {
    if (expectation !== '100-continue') return 417
    if (verdict.hasBody) verdict.flags |= REQUEST_FLAG_EXPECT_CONTINUE
  }
  return 0
}

/** Length of the head as this engine writes it into the batch. */
export function headBytes(head: ParsedHead): number {
  let bytes = head.method.length + head.target.length + 14
  for (let i = 0; i < head.fields.length; i++) bytes += (head.fields[i] as string).length + 2
  return bytes
}

/** Judges a head by the rules of http1.md, in their order. */
export function checkHead(head: ParsedHead, limits: HeadLimits): HeadVerdict {
  const verdict: HeadVerdict = {
    status: 0,
    flags: 0,
    minor: head.minor === 0 ? 0 : 1,
    pathStart: 0,
    pathEnd: 0,
    contentLength: 0,
    hasBody: false,
  }
  const lineBytes = head.method.length + head.target.length + 10
  if (lineBytes > Math.min(REQUEST_LINE_BYTES_MAX, limits.maxHeaderBytes)) verdict.status = 414
  // node reports a request line without version as 0.9.
  else if (head.major === 0) verdict.status = 400
  else if (head.major !== 1) verdict.status = 505
  else if (head.method.length > METHOD_BYTES_MAX || head.method === 'CONNECT') verdict.status = 501
  else verdict.status = checkTarget(head, limits.secure, verdict)
  if (
    verdict.status === 0 &&
    (head.fields.length / 2 > limits.maxHeaders || headBytes(head) > limits.maxHeaderBytes)
  )
    verdict.status = 431
  if (verdict.status === 0) verdict.status = checkFields(head, verdict)
  if (verdict.status === 0 && verdict.contentLength > limits.maxRequestBodySize)
    verdict.status = 413
  return verdict
}
