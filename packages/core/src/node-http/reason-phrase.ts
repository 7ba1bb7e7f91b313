import { STATUS_CODES } from 'node:http'

/** Phrases that node spells differently from RFC 9110, or that it lacks. */
const RFC_9110: Readonly<Record<number, string>> = {
  413: 'Content Too Large',
  422: 'Unprocessable Content',
}

/** Reason phrase of RFC 9110 and the IANA table; empty for unknown codes. */
export function reasonPhrase(status: number): string {
  return RFC_9110[status] ?? STATUS_CODES[status] ?? ''
}
