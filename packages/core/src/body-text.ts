import { BadRequestError, UnsupportedMediaTypeError } from './http-errors.ts'

const CHARSETS: { readonly [name: string]: 'utf-8' | 'latin1' } = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  'iso-8859-1': 'latin1',
}

const lenient = new TextDecoder()
const strict = new TextDecoder('utf-8', { fatal: true })

function charsetOf(contentType: string | undefined): 'utf-8' | 'latin1' {
  const match =
    contentType === undefined ? null : /;\s*charset\s*=\s*"?([^";\s]+)"?/i.exec(contentType)
  if (match === null) return 'utf-8'
  const charset = CHARSETS[(match[1] as string).toLowerCase()]
  if (charset !== undefined) return charset
  throw new UnsupportedMediaTypeError(`charset ${match[1]} is not supported: send utf-8`)
}

/** A body with a coding would be read as garbage; what it is encoded with is the sender's to undo (B-7). */
export function refuseCoding(contentEncoding: string | undefined): void {
  if (contentEncoding === undefined || contentEncoding.toLowerCase() === 'identity') return
  throw new UnsupportedMediaTypeError(
    'content codings are not undone: send the body without content-encoding',
    {
      headers: { 'accept-encoding': 'identity' },
    },
  )
}

/** Text of a body (B-3): UTF-8 with U+FFFD for bad bytes, or what its charset says. */
export function bodyText(bytes: Uint8Array, contentType: string | undefined): string {
  return charsetOf(contentType) === 'latin1'
    ? Buffer.from(bytes).toString('latin1')
    : lenient.decode(bytes)
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('__proto__ key')
  return value
}

/** Value of a JSON body (B-4). The messages never quote the body. */
export function bodyJson(
  bytes: Uint8Array,
  contentType: string | undefined,
  anyType: boolean,
): unknown {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!anyType && type !== 'application/json' && !type.endsWith('+json')) {
    throw new UnsupportedMediaTypeError(
      'the body is not JSON by its content-type: send application/json',
    )
  }
  if (bytes.length === 0)
    throw new BadRequestError('the body is empty: send JSON', { code: 'CELERIS_EMPTY_BODY' })
  try {
    const text = strict.decode(bytes)
    // An escaped key could spell it too.
    const suspicious = text.includes('__proto__') || text.includes('\\u')
    return suspicious ? JSON.parse(text, refuseProto) : JSON.parse(text)
  } catch (error) {
    throw new BadRequestError('the body is not valid JSON', {
      code: 'CELERIS_INVALID_JSON',
      cause: error,
    })
  }
}
