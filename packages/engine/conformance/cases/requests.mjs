// Requests as bytes, and what every engine makes of them (rules of docs/internals/http1.md). The
// suite sends them over sockets, the parser tests read them as a C++ header (generate.mjs).

/** The defaults the cases are written for. */
export const requestLimits = {
  maxHeaderBytes: 32_768,
  maxHeaders: 200,
  maxRequestBodySize: 100 * 1024 * 1024,
}

/** Stands behind every case: it must be answered after an accepted one and never after a refused. */
export const probeRequest = 'GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n'

/** In the bytes of a refused case: what stands before it is enough to decide. */
const DECIDED = Symbol('decided')

/** A text in a case name: quoted, all ASCII. */
const shown = (text) =>
  JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (byte) => `\\u${byte.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const partLength = (part) => (typeof part === 'string' ? part.length : part[0].length * part[1])

/** The bytes of a case as a latin1 string. */
export function requestText({ bytes }) {
  return bytes.map((part) => (typeof part === 'string' ? part : part[0].repeat(part[1]))).join('')
}

/** What `node:http` may answer instead (permitted differences). */
const NODE_STATUSES = { 414: [414, 431], 501: [400, 501], 505: [400, 505] }

/** All cases, in the order of their rules. */
export const requestCases = []

function refused(name, status, bytes, options = {}) {
  const parts = Array.isArray(bytes) ? bytes : [bytes]
  const decided = parts.indexOf(DECIDED)
  requestCases.push({
    name,
    bytes: parts.filter((part) => part !== DECIDED),
    refused: { status, nodeStatuses: NODE_STATUSES[status] ?? [status] },
    ...(decided < 0
      ? {}
      : { decidedAt: parts.slice(0, decided).reduce((sum, part) => sum + partLength(part), 0) }),
    ...options,
  })
}

function accepted(name, bytes, expected = {}, options = {}) {
  const { method = 'GET', target = '/', minor = 1, body = '', ...rest } = expected
  const path = rest.path ?? target.split('?')[0]
  const persists =
    minor === 1 ? !rest.flags?.includes('CLOSE') : rest.flags?.includes('KEEP_ALIVE_1_0') === true
  const parts = Array.isArray(bytes) ? bytes : [bytes]
  requestCases.push({
    name,
    bytes: parts,
    accepted: { method, target, path, minor, body, persists, ...rest },
    ...options,
  })
}

const HOST = 'Host: a\r\n'
const LINE = 'GET / HTTP/1.1\r\n'
const END = '\r\n'
/** A GET with these field lines besides Host. */
const withFields = (...lines) => `${LINE}${HOST}${lines.map((line) => `${line}\r\n`).join('')}\r\n`
const withLine = (line) => `${line}\r\n${HOST}\r\n`
const CHUNKED_HEAD = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`
const chunkedPost = { method: 'POST' }
const NODE_LEADING = 'RL-1'
const NODE_METHODS = 'node:http refuses methods it does not know'

// Message start and request line ------------------------------------------------------------------

accepted('RL-1 one CRLF before the request', `\r\n${withFields()}`)
accepted(
  'RL-1 eight CRLF pairs before the request',
  [['\r\n', 8], withFields()],
  {},
  {
    nativeOnly: NODE_LEADING,
  },
)
refused('RL-1 nine CRLF pairs', 400, [['\r\n', 8], '\r', DECIDED, '\n', withFields()], {
  nativeOnly: NODE_LEADING,
})
refused('RL-1 bare LF before the request', 400, ['\n', DECIDED, withFields()], {
  nativeOnly: NODE_LEADING,
})
refused('RL-1 bare CR before the request', 400, ['\rG', DECIDED, withFields().slice(1)], {
  nativeOnly: NODE_LEADING,
})
refused('RL-1 CRLF, then a bare LF', 400, ['\r\n\n', DECIDED, withFields()], {
  nativeOnly: NODE_LEADING,
})
refused('RL-2 a TLS hello', 400, ['\x16', DECIDED, '\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'])
refused('RL-2 a space first', 400, [' ', DECIDED, withFields()])
refused('RL-2 NUL first', 400, ['\0', DECIDED, withFields()])
refused('RL-2 a byte above 0x7F first', 400, ['\xc3', DECIDED, '\xa9', withFields()])
refused('RL-2 a colon first', 400, [':', DECIDED, withFields()])
refused('RL-3 LF ends the request line', 400, ['GET / HTTP/1.1\n', DECIDED, HOST, END])
refused('RL-3 LF ends every line', 400, ['GET / HTTP/1.1\n', DECIDED, 'Host: a\n\n'])
refused('RL-3 bare CR ends the request line', 400, ['GET / HTTP/1.1\rH', DECIDED, 'ost: a\r\n\r\n'])
refused('RL-3 bare CR in the target', 400, ['GET /\r', DECIDED, 'x HTTP/1.1\r\n', HOST, END])
refused('RL-3 CR CR LF ends the request line', 400, [
  'GET / HTTP/1.1\r\r',
  DECIDED,
  '\n',
  HOST,
  END,
])
refused('RL-3 bare LF in the method', 400, ['GE\n', DECIDED, 'T / HTTP/1.1\r\n', HOST, END])
refused('RL-4 tab behind the method', 400, ['GET\t', DECIDED, '/ HTTP/1.1\r\n', HOST, END])
refused('RL-4 tab before the version', 400, ['GET /\t', DECIDED, 'HTTP/1.1\r\n', HOST, END])
refused('RL-4 two spaces behind the method', 400, ['GET  ', DECIDED, '/ HTTP/1.1\r\n', HOST, END])
refused('RL-4 two spaces before the version', 400, ['GET /  ', DECIDED, 'HTTP/1.1\r\n', HOST, END])
refused('RL-4 trailing space', 400, ['GET / HTTP/1.1 ', DECIDED, '\r\n', HOST, END])
refused('RL-4 space in the target', 400, ['GET /a b', DECIDED, ' HTTP/1.1\r\n', HOST, END])
refused('RL-4 no target', 400, ['GET HTTP/1.1\r', DECIDED, '\n', HOST, END])
refused('RL-4 no version', 400, ['GET /\r', DECIDED, '\n', HOST, END])
refused('RL-4 no version behind a space', 400, ['GET / \r', DECIDED, '\n', HOST, END])
refused('RL-4 method only', 400, ['GET\r', DECIDED, '\n', HOST, END])
accepted(
  'RL-5 a request line of 16384 bytes',
  ['GET /', ['a', 16_370], ' HTTP/1.1\r\n', HOST, END],
  {
    target: `/${'a'.repeat(16_370)}`,
  },
)
refused('RL-5 a request line of 16385 bytes', 414, [
  'GET /',
  ['a', 16_371],
  ' HTTP/1.1',
  DECIDED,
  '\r\n',
  HOST,
  END,
])
refused('RL-5 a target of 20000 bytes', 414, [
  'GET /',
  ['a', 16_380],
  DECIDED,
  ['a', 3620],
  ' HTTP/1.1\r\n',
  HOST,
  END,
])
refused('RL-5 a method of 20000 bytes', 414, [
  ['A', 16_385],
  DECIDED,
  ['A', 3615],
  ' / HTTP/1.1\r\n',
  HOST,
  END,
])

// Version -----------------------------------------------------------------------------------------

for (const [version, fits] of [
  ['http/1.1', 0],
  ['HTTP/11', 6],
  ['HTTP/1.1x', 8],
  ['HTTP/1.10', 8],
  ['HTTP/1.', 7],
  ['HTTP/1', 6],
  ['HTTP/x.1', 5],
  ['HTTP/1.x', 7],
  ['HTTP 1.1', 4],
  ['HTTP/1,1', 6],
  ['HTTPS/1.1', 4],
  ['XTTP/1.1', 0],
]) {
  const text = `${version}\r\n`
  refused(`VER-1 ${version}`, 400, [
    `GET / ${text.slice(0, fits + 1)}`,
    DECIDED,
    text.slice(fits + 1),
    HOST,
    END,
  ])
}
accepted('VER-2 HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', {
  minor: 0,
  flags: ['CLOSE', 'BODY_COMPLETE', 'PATH_PLAIN'],
  fields: [],
})
accepted('VER-2 HTTP/1.2', withLine('GET / HTTP/1.2'), {}, { nativeOnly: 'VER-2' })
accepted('VER-2 HTTP/1.9', withLine('GET / HTTP/1.9'), {}, { nativeOnly: 'VER-2' })
refused('VER-2 HTTP/0.9', 505, ['GET / HTTP/0.9\r\n', DECIDED, HOST, END])
refused('VER-2 HTTP/2.0', 505, ['GET / HTTP/2.0\r\n', DECIDED, HOST, END])
refused('VER-2 HTTP/3.0', 505, ['GET / HTTP/3.0\r\n', DECIDED, HOST, END])
refused('VER-2 the HTTP/2 preface', 505, ['PRI * HTTP/2.0\r\n', DECIDED, '\r\nSM\r\n\r\n'])
refused('VER-2 before the target', 505, ['GET /# HTTP/2.0\r\n', DECIDED, HOST, END])
refused('VER-2 before the method', 505, ['CONNECT a:1 HTTP/2.0\r\n', DECIDED, HOST, END])

// Method ------------------------------------------------------------------------------------------

for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
  accepted(`MET-2 ${method}`, withLine(`${method} /a HTTP/1.1`), { method, target: '/a' })
}
for (const method of [
  'PROPFIND',
  'GETS',
  'GE',
  'G',
  'POSTS',
  'A'.repeat(32),
  "!#$%&'*+-.^_`|~09",
]) {
  accepted(
    `MET-2 ${method} is passed on`,
    withLine(`${method} / HTTP/1.1`),
    { method },
    method === 'PROPFIND' ? {} : { nativeOnly: NODE_METHODS },
  )
}
accepted(
  'MET-1 get is not GET',
  withLine('get / HTTP/1.1'),
  { method: 'get' },
  {
    nativeOnly: NODE_METHODS,
  },
)
for (const byte of ['(', ':', '/', '"', '\\', '{', '@', '\0', '\x01', '\x7f', '\x80', '\xff']) {
  refused(`MET-1 ${shown(byte)} in the method`, 400, [
    `GE${byte}T / HTTP/1.1\r\n`,
    DECIDED,
    HOST,
    END,
  ])
}
refused('MET-1 a method of 33 bytes', 501, [['A', 33], ' / HTTP/1.1\r\n', DECIDED, HOST, END])
refused('MET-1 a method of 40 bytes', 501, [['A', 40], ' / HTTP/1.1\r\n', DECIDED, HOST, END])
refused('MET-3 CONNECT', 501, ['CONNECT a:1 HTTP/1.1\r\n', DECIDED, HOST, END])
refused('MET-3 CONNECT with a path', 501, ['CONNECT / HTTP/1.1\r\n', DECIDED, HOST, END])
refused('MET-3 CONNECT with a target that is no target', 501, [
  'CONNECT # HTTP/1.1\r\n',
  DECIDED,
  HOST,
  END,
])
refused('MET-4 TRACE with a body', 400, `TRACE / HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\na`)
refused(
  'MET-4 TRACE with a chunked body',
  400,
  `TRACE / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
)
for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
  accepted(
    `MET-5 ${method} with a body`,
    `${method} / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`,
    { method, body: 'abc' },
  )
}

// Target ------------------------------------------------------------------------------------------

for (const byte of ['\0', '\x01', '\x1f', '\x7f', '\x80', '\xff', '#']) {
  refused(`TGT-1 ${shown(byte)} in the target`, 400, [
    `GET /abc${byte}def HTTP/1.1\r\n`,
    DECIDED,
    HOST,
    END,
  ])
}
refused('TGT-1 raw UTF-8', 400, ['GET /caf\xc3\xa9 HTTP/1.1\r\n', DECIDED, HOST, END])
refused('TGT-1 # in the query', 400, ['GET /?a#b HTTP/1.1\r\n', DECIDED, HOST, END])
refused('TGT-1 # behind 40 bytes', 400, ['GET /', ['a', 40], '# HTTP/1.1\r\n', DECIDED, HOST, END])
{
  const target = `/!$%&'()*+,-./0123456789:;<=>?@A[\\]^_\`a{|}~"`
  accepted('TGT-1 every byte allowed', withLine(`GET ${target} HTTP/1.1`), { target })
}
accepted('TGT-1 raw brackets in the query', withLine('GET /?a|b^c{d}"<> HTTP/1.1'), {
  target: '/?a|b^c{d}"<>',
  flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
})
accepted('TGT-2 two slashes are a path', withLine('GET //host/x HTTP/1.1'), { target: '//host/x' })
for (const [target, plain] of [
  ['/a/b.c', true],
  ['/a..b', true],
  ['/%61', false],
  ['/./a', false],
  ['/a/../b', false],
  ['/a/..', false],
  ['/a?/../b%', true],
  ['/0123456789abcdef/0123456789abcdef/../x', false],
  ['/0123456789abcd/.', false],
  ['/0123456789abcdef?0123456789abcdef/../%20', true],
]) {
  const flags = ['BODY_COMPLETE', ...(plain ? ['PATH_PLAIN'] : [])]
  accepted(`TGT-2 ${target}`, withLine(`GET ${target} HTTP/1.1`), { target, flags })
}
const absolute = (path, flags = ['PATH_PLAIN']) => ({
  path,
  flags: ['BODY_COMPLETE', 'ABSOLUTE_FORM', ...flags],
})
for (const [target, expected] of [
  ['http://b/', absolute('/')],
  ['http://b/x?y', absolute('/x')],
  ['HTTP://b.example:8080/x', absolute('/x')],
  ['http://[::1]:80/x', absolute('/x')],
  ['http://b', absolute('')],
  ['http://b?y', absolute('')],
  ['http://b/?http://c/', absolute('/')],
  ['http://b/%20', absolute('/%20', [])],
]) {
  accepted(`TGT-3 ${target}`, withLine(`GET ${target} HTTP/1.1`), { target, ...expected })
}
accepted('TGT-3 OPTIONS without a path', withLine('OPTIONS http://b HTTP/1.1'), {
  method: 'OPTIONS',
  target: 'http://b',
  path: '',
})
refused('TGT-3 absolute target without Host', 400, ['GET http://b/ HTTP/1.1\r\n\r\n', DECIDED])
for (const target of ['https://a/', 'HTTPS://a/', 'https://']) {
  refused(`TGT-3 ${target}`, 421, [`GET ${target} HTTP/1.1\r\n`, DECIDED, HOST, END])
}
for (const target of [
  'http://user@b/',
  'http://user:pass@b/',
  'http:///x',
  'http://',
  'http://?x',
  'http://:80/',
  'http://b:70000/',
  'http://b:x/',
  'http://[::1/',
  'http:/b/',
  'http:b',
  'ftp://b/',
  'ftp:',
  'ws://b/',
  'b',
  'b/c',
  'b:1',
  '?x',
  '\\x',
]) {
  refused(`TGT-3 ${target}`, 400, [`GET ${target} HTTP/1.1\r\n`, DECIDED, HOST, END])
}
accepted('TGT-4 OPTIONS *', withLine('OPTIONS * HTTP/1.1'), {
  method: 'OPTIONS',
  target: '*',
  path: '*',
})
refused('TGT-4 GET *', 400, ['GET * HTTP/1.1\r\n', DECIDED, HOST, END])
refused('TGT-4 OPTIONS *x', 400, ['OPTIONS *x HTTP/1.1\r\n', DECIDED, HOST, END])
refused('TGT-4 authority-form', 400, ['GET a:80 HTTP/1.1\r\n', DECIDED, HOST, END])

// Fields ------------------------------------------------------------------------------------------

refused('FLD-1 space before the colon', 400, [LINE, 'Host ', DECIDED, ': a\r\n\r\n'])
refused('FLD-1 tab before the colon', 400, [LINE, 'Host\t', DECIDED, ': a\r\n\r\n'])
refused('FLD-1 no colon', 400, [LINE, HOST, 'Xyz\r', DECIDED, '\n\r\n'])
refused('FLD-1 empty name', 400, [LINE, HOST, ':', DECIDED, ' x\r\n\r\n'])
for (const byte of ['(', '/', '"', '[', '@', '\0', '\x0b', '\x7f', '\x80', '\xff', '\n']) {
  refused(`FLD-1 ${shown(byte)} in a name`, 400, [
    LINE,
    HOST,
    `X-a${byte}`,
    DECIDED,
    'b: c\r\n\r\n',
  ])
}
refused('FLD-1 0x80 behind 20 letters', 400, [
  LINE,
  HOST,
  ['x', 20],
  '\x80',
  DECIDED,
  ': c\r\n\r\n',
])
{
  const name = "!#$%&'*+-.^_`|~0123456789abcXYZ"
  accepted('FLD-1 every byte of a token', withFields(`${name}: 1`), {
    fields: [
      ['Host', 'a'],
      [name, '1'],
    ],
  })
}
accepted('FLD-2 blanks are trimmed', withFields('X: \t a \t b \t ', 'Y:c', 'Z:\t'), {
  fields: [
    ['Host', 'a'],
    ['X', 'a \t b'],
    ['Y', 'c'],
    ['Z', ''],
  ],
})
accepted('FLD-2 empty value', withFields('X:', 'Y: '), {
  fields: [
    ['Host', 'a'],
    ['X', ''],
    ['Y', ''],
  ],
})
accepted('FLD-2 obs-text value', withFields('X: caf\xe9 \x80\xff'), {
  fields: [
    ['Host', 'a'],
    ['X', 'caf\xe9 \x80\xff'],
  ],
})
for (const byte of ['\0', '\x01', '\x08', '\x0b', '\x0c', '\x1f', '\x7f', '\n']) {
  refused(`FLD-2 ${shown(byte)} in a value`, 400, [LINE, HOST, `X: a${byte}`, DECIDED, 'b\r\n\r\n'])
}
refused('FLD-2 DEL behind 40 bytes', 400, [
  LINE,
  HOST,
  'X: ',
  ['a', 40],
  '\x7f',
  DECIDED,
  '\r\n\r\n',
])
refused('FLD-2 bare CR in a value', 400, [LINE, HOST, 'X: a\rb', DECIDED, '\r\n\r\n'])
refused('FLD-2 CR CR LF', 400, [LINE, HOST, 'X: a\r\r', DECIDED, '\n\r\n'])
refused('RL-3 LF ends a field line', 400, [LINE, 'Host: a\n', DECIDED, '\r\n'])
refused('RL-3 LF ends the head', 400, [LINE, HOST, '\n', DECIDED])
refused('RL-3 bare CR ends the head', 400, [LINE, HOST, '\rX', DECIDED, '\n'])
refused('FLD-3 leading space on the first field', 400, [LINE, ' ', DECIDED, HOST, END])
refused('FLD-3 leading tab on the first field', 400, [LINE, '\t', DECIDED, HOST, END])
refused('FLD-3 folded value', 400, [LINE, HOST, 'X: a\r\n ', DECIDED, 'b\r\n\r\n'])
refused('FLD-3 value folded with a tab', 400, [LINE, HOST, 'X: a\r\n\t', DECIDED, 'b\r\n\r\n'])
refused('FLD-3 folded empty line', 400, [LINE, HOST, ' ', DECIDED, '\r\n\r\n'])
accepted('FLD-4 200 fields', [LINE, HOST, ['X: y\r\n', 199], END])
refused('FLD-4 201 fields', 431, [LINE, HOST, ['X: y\r\n', 199], 'X', DECIDED, ': y\r\n', END])
accepted('FLD-4 a head of 32768 bytes', [
  LINE,
  HOST,
  'X: ',
  ['a', 32_768 - 16 - 9 - 3 - 4],
  '\r\n\r\n',
])
refused('FLD-4 a head of 32769 bytes', 431, [
  LINE,
  HOST,
  'X: ',
  ['a', 32_769 - 16 - 9 - 3 - 4],
  '\r\n\r',
  DECIDED,
  '\n',
])
refused('FLD-4 a head of 70000 bytes', 431, [
  LINE,
  HOST,
  'X: ',
  ['a', 32_768 - 16 - 9 - 3],
  DECIDED,
  ['a', 37_000],
  '\r\n\r\n',
])
accepted('FLD-5 order, case and duplicates stay', withFields('b: 1', 'A: 2', 'B: 3'), {
  fields: [
    ['Host', 'a'],
    ['b', '1'],
    ['A', '2'],
    ['B', '3'],
  ],
})

// Host --------------------------------------------------------------------------------------------

refused('HOST-1 no Host', 400, [`${LINE}\r\n`, DECIDED])
refused('HOST-1 no Host on 1.2', 400, ['GET / HTTP/1.2\r\n\r\n', DECIDED])
refused('HOST-1 two Host lines', 400, [withFields('Host: a'), DECIDED])
refused('HOST-1 two Host lines in other case', 400, [withFields('hOsT: b'), DECIDED])
refused('HOST-1 two Host lines on 1.0', 400, [
  'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n',
  DECIDED,
])
refused('HOST-1 empty Host', 400, [`${LINE}Host:\r\n\r\n`, DECIDED], { nativeOnly: 'empty Host' })
refused('HOST-1 blank Host', 400, [`${LINE}Host: \t \r\n\r\n`, DECIDED], {
  nativeOnly: 'empty Host',
})
refused('HOST-1 invalid Host on 1.0', 400, ['GET / HTTP/1.0\r\nHost: a b\r\n\r\n', DECIDED])
accepted('HOST-3 empty Host on 1.0', 'GET / HTTP/1.0\r\nHost:\r\n\r\n', {
  minor: 0,
  fields: [['Host', '']],
})
accepted('HOST-3 no Host on 1.0', 'GET / HTTP/1.0\r\nX: y\r\n\r\n', { minor: 0 })
for (const host of [
  'a b',
  'a@b',
  'a/b',
  'a:b',
  'a:70000',
  'a:65536',
  'a:000080',
  'a:80:80',
  'a:-1',
  ':80',
  ':',
  'a,b c',
  'a?b',
  'a\\b',
  'a"b',
  'a#b',
  'a<b',
  '%',
  '%4',
  '%4g',
  'a%zz.example',
  'caf\xe9',
  '[::1',
  '::1',
  '[]',
  '[::1]x',
  '[::1]:x',
  '[:::1]',
  '[1::2::3]',
  '[1:2:3:4:5:6:7]',
  '[1:2:3:4:5:6:7:8:9]',
  '[1:2:3:4:5:6:7:8::]',
  '[12345::]',
  '[g::]',
  '[1:]',
  '[:1]',
  '[::1.2.3]',
  '[::1.2.3.256]',
  '[::01.2.3.4]',
  '[1:2:3:4:5:6:7:1.2.3.4]',
  '[fe80::1%25eth0]',
  '[v1.x]',
  'http://a',
]) {
  refused(`HOST-2 ${shown(host)}`, 400, [`${LINE}Host: ${host}\r\n\r\n`, DECIDED])
}
for (const host of [
  'localhost',
  'localhost:3000',
  'example.test:',
  'a:0',
  'a:65535',
  'a:00080',
  '127.0.0.1',
  '127.0.0.1:8080',
  'xn--bcher-kva.example',
  'A-Z.example',
  'a_b.~c',
  "a!$&'()*+,;=b",
  '%41b',
  'a%2fb:80',
  '0123456789abcdef0123456789abcdef.example:443',
  '[::]',
  '[::1]',
  '[::1]:80',
  '[::1]:',
  '[1::]',
  '[2001:DB8::a:1]:443',
  '[1:2:3:4:5:6:7:8]',
  '[1:2:3:4:5:6:7::]',
  '[::2:3:4:5:6:7:8]',
  '[::ffff:1.2.3.4]',
  '[1:2:3:4:5:6:1.2.3.4]',
]) {
  accepted(`HOST-2 ${host}`, `${LINE}Host: ${host}\r\n\r\n`, { fields: [['Host', host]] })
}

// Framing of bodies -------------------------------------------------------------------------------

for (const value of [
  '+3',
  '-3',
  '3,3',
  '3, 3',
  '3 3',
  '0x3',
  '3.',
  '3.0',
  '',
  ' ',
  'a',
  '3a',
  '\xb2',
]) {
  refused(`CL-1 ${shown(value)}`, 400, [
    `POST / HTTP/1.1\r\n${HOST}Content-Length: ${value}\r\n\r\n`,
    DECIDED,
    'abc',
  ])
}
for (const digits of [
  '12345678901234567890',
  '18446744073709551615',
  '18446744073709551616',
  '18446744073709551619',
  '9'.repeat(40),
]) {
  refused(
    `CL-1 ${digits} is too large, never small`,
    413,
    [`POST / HTTP/1.1\r\n${HOST}Content-Length: ${digits}\r\n\r\n`, DECIDED, 'abc'],
    // llhttp refuses what overflows 64 bits as syntax.
    { refused: { status: 413, nodeStatuses: [400, 413] } },
  )
}
accepted('CL-1 leading zeros', `POST / HTTP/1.1\r\n${HOST}Content-Length: 0003\r\n\r\nabc`, {
  method: 'POST',
  body: 'abc',
  flags: ['PATH_PLAIN'],
})
accepted(
  'CL-1 thirty leading zeros',
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: `, ['0', 30], '3\r\n\r\nabc'],
  { method: 'POST', body: 'abc' },
)
accepted('CL-1 blanks around the digits', withFields('Content-Length: \t0 \t'), {
  flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
})
accepted('CL-1 in any case', `POST / HTTP/1.1\r\n${HOST}cOnTeNt-LeNgTh: 3\r\n\r\nabc`, {
  method: 'POST',
  body: 'abc',
})
for (const [what, first, second] of [
  ['equal', '3', '3'],
  ['different', '3', '4'],
  ['zero', '0', '0'],
]) {
  refused(`CL-2 two ${what} lengths`, 400, [
    `POST / HTTP/1.1\r\n${HOST}Content-Length: ${first}\r\nContent-Length: ${second}\r\n\r\n`,
    DECIDED,
    'abc',
  ])
}
for (const value of ['CHUNKED', 'Chunked', 'chunked']) {
  accepted(
    `TE-1 ${value}`,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${value}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    { method: 'POST', body: 'abc', flags: ['CHUNKED', 'PATH_PLAIN'] },
  )
}
for (const value of [
  'xchunked',
  'chunkedx',
  'chunked, identity',
  'chunked,gzip',
  'identity',
  'gzip',
  'chunked, chunked',
  'chunked;q=1',
  'chunked;q=1, chunked',
  ';chunked',
  ',chunked',
  'chunked,',
  'gzip,,chunked',
  ',',
  '',
  '"chunked"',
  'chunked chunked',
  'gz ip, chunked',
  '\xa0chunked',
]) {
  refused(`TE-1 ${shown(value)}`, 400, [
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${value}\r\n\r\n`,
    DECIDED,
    '3\r\nabc\r\n0\r\n\r\n',
  ])
}
for (const value of ['gzip, chunked', 'identity,chunked', 'x;y=1 ,\tchunked', 'a,b,chunked']) {
  refused(`TE-1 ${shown(value)}`, 501, [
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${value}\r\n\r\n`,
    DECIDED,
    '3\r\nabc\r\n0\r\n\r\n',
  ])
}
refused('TE-1 folded', 400, [
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\n `,
  DECIDED,
  'chunked\r\n\r\n0\r\n\r\n',
])
for (const byte of ['\x0b', '\0']) {
  refused(`TE-1 ${shown(byte)} before chunked`, 400, [
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${byte}`,
    DECIDED,
    'chunked\r\n\r\n0\r\n\r\n',
  ])
}
refused('TE-1 space before the colon', 400, [
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding `,
  DECIDED,
  ': chunked\r\n\r\n0\r\n\r\n',
])
refused('TE-1 two lines', 400, [
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
  DECIDED,
  '0\r\n\r\n',
])
refused('TE-1 two lines, one of them identity', 400, [
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n`,
  DECIDED,
  '0\r\n\r\n',
])
for (const [order, lines] of [
  ['length first', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'],
  ['length last', 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n'],
  ['length 0', 'Transfer-Encoding: chunked\r\nContent-Length: 0\r\n'],
]) {
  refused(`TE-2 both, ${order}`, 400, [
    `POST / HTTP/1.1\r\n${HOST}${lines}\r\n`,
    DECIDED,
    '3\r\nabc\r\n0\r\n\r\n',
  ])
}
refused('TE-2 on 1.0', 400, [
  `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
  DECIDED,
  '0\r\n\r\n',
])
accepted('BODY-1 POST without a length has no body', withLine('POST / HTTP/1.1'), {
  method: 'POST',
  flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
})
refused('BODY-2 a length above the limit', 413, [
  `POST / HTTP/1.1\r\n${HOST}Content-Length: ${requestLimits.maxRequestBodySize + 1}\r\n\r\n`,
  DECIDED,
  'abc',
])
refused(
  'BODY-2 an announced chunk above the limit',
  413,
  [CHUNKED_HEAD, '6400001\r', DECIDED, '\n'],
  {
    nativeOnly: 'node:http does not tell the sizes of chunks',
  },
)
refused(
  'BODY-2 a second chunk above the limit',
  413,
  [CHUNKED_HEAD, '1\r\na\r\n6400000\r', DECIDED, '\n'],
  { nativeOnly: 'node:http does not tell the sizes of chunks' },
)

// Chunked -----------------------------------------------------------------------------------------

const NODE_DIGITS = 'node:http does not count the digits of a chunk size'

accepted('CHK-1 several chunks', `${CHUNKED_HEAD}3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n`, {
  ...chunkedPost,
  body: 'abc0123456789',
})
accepted(
  'CHK-1 digits in any case',
  [CHUNKED_HEAD, '1a\r\n', ['x', 26], '\r\n1B\r\n', ['y', 27], '\r\n0\r\n\r\n'],
  {
    ...chunkedPost,
    body: `${'x'.repeat(26)}${'y'.repeat(27)}`,
  },
)
accepted('CHK-1 leading zeros', `${CHUNKED_HEAD}0000000000000003\r\nabc\r\n000\r\n\r\n`, {
  ...chunkedPost,
  body: 'abc',
})
accepted('CHK-1 empty body', `${CHUNKED_HEAD}0\r\n\r\n`, chunkedPost)
accepted('CHK-1 line ends in the data', `${CHUNKED_HEAD}7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`, {
  ...chunkedPost,
  body: '\r\n0\r\n\r\n',
})
for (const [size, fits] of [
  ['0x3', 1],
  ['+3', 0],
  ['-3', 0],
  [' 3', 0],
  ['\t3', 0],
  ['3 ', 2],
  ['3\t', 2],
  ['3 3', 2],
  ['g', 0],
  ['3g', 1],
  ['', 0],
  ['\x003', 0],
  ['\xb3', 0],
]) {
  const line = `${size}\r\n`
  refused(`CHK-1 size ${shown(size)}`, 400, [
    CHUNKED_HEAD,
    line.slice(0, fits + 1),
    DECIDED,
    line.slice(fits + 1),
    'abc\r\n0\r\n\r\n',
  ])
}
refused('CHK-1 17 digits', 400, [
  CHUNKED_HEAD,
  '11111111111111111',
  DECIDED,
  '\r\nabc\r\n0\r\n\r\n',
])
refused(
  'CHK-1 17 digits with leading zeros',
  400,
  [CHUNKED_HEAD, '00000000000000003', DECIDED, '\r\nabc\r\n0\r\n\r\n'],
  { nativeOnly: NODE_DIGITS },
)
refused('CHK-1 16 times f', 413, [CHUNKED_HEAD, ['f', 16], '\r', DECIDED, '\nabc\r\n0\r\n\r\n'], {
  nativeOnly: 'node:http does not tell the sizes of chunks',
})
refused('RL-3 LF ends the chunk size', 400, [CHUNKED_HEAD, '3\n', DECIDED, 'abc\r\n0\r\n\r\n'])
refused('RL-3 bare CR behind the chunk size', 400, [
  CHUNKED_HEAD,
  '3\ra',
  DECIDED,
  'bc\r\n0\r\n\r\n',
])
for (const extension of [
  ';a',
  ';a=b',
  ' ;a=b',
  '\t ; a = "b;c"',
  ';',
  ';a\tb',
  ';caf\xe9',
  ';a=b;c=d',
]) {
  accepted(
    `CHK-2 extension ${shown(extension)}`,
    `${CHUNKED_HEAD}3${extension}\r\nabc\r\n0${extension}\r\n\r\n`,
    { ...chunkedPost, body: 'abc' },
    /^;[a-z]+(=[a-z]+)?$/.test(extension) ? {} : { nativeOnly: 'CHK-2 details of extensions' },
  )
}
for (const byte of ['\0', '\x01', '\x7f', '\n']) {
  refused(`CHK-2 ${shown(byte)} in an extension`, 400, [
    CHUNKED_HEAD,
    `3;a${byte}`,
    DECIDED,
    '\r\nabc\r\n0\r\n\r\n',
  ])
}
refused('CHK-2 bare CR in an extension', 400, [
  CHUNKED_HEAD,
  '3;a\rb',
  DECIDED,
  '\r\nabc\r\n0\r\n\r\n',
])
accepted(
  'CHK-2 4096 bytes of extensions',
  [CHUNKED_HEAD, '3;', ['a', 2047], '\r\nabc\r\n0;', ['a', 2047], '\r\n\r\n'],
  { ...chunkedPost, body: 'abc' },
  { nativeOnly: 'CHK-2 limit' },
)
refused(
  'CHK-2 4097 bytes of extensions in two chunks',
  413,
  [CHUNKED_HEAD, '3;', ['a', 2047], '\r\nabc\r\n0;', ['a', 2048], DECIDED, '\r\n\r\n'],
  { nativeOnly: 'CHK-2 limit' },
)
refused(
  'CHK-2 5000 bytes of extension',
  413,
  [CHUNKED_HEAD, '3;', ['a', 4096], DECIDED, ['a', 903], '\r\nabc\r\n0\r\n\r\n'],
  { nativeOnly: 'CHK-2 limit' },
)
refused(
  'CHK-2 5000 blanks before an extension',
  413,
  [CHUNKED_HEAD, '3', [' ', 4097], DECIDED, [' ', 903], ';a\r\nabc\r\n0\r\n\r\n'],
  { nativeOnly: 'CHK-2 limit' },
)
refused('CHK-2 data one byte long', 400, [CHUNKED_HEAD, '3\r\nabcd', DECIDED, '\r\n0\r\n\r\n'])
refused('CHK-2 data one byte short', 400, [CHUNKED_HEAD, '3\r\nab\r\n', DECIDED, '0\r\n\r\n'])
refused('CHK-2 LF behind the data', 400, [CHUNKED_HEAD, '3\r\nabc\n', DECIDED, '0\r\n\r\n'])
refused('CHK-2 bare CR behind the data', 400, [CHUNKED_HEAD, '3\r\nabc\r0', DECIDED, '\r\n\r\n'])
accepted(
  'CHK-3 trailers are dropped',
  `${CHUNKED_HEAD}3\r\nabc\r\n0\r\nX: y\r\nHost: b\r\nZ:\r\n\r\n`,
  {
    ...chunkedPost,
    body: 'abc',
    fields: [
      ['Host', 'a'],
      ['Transfer-Encoding', 'chunked'],
    ],
  },
)
for (const [trailer, fits] of [
  ['X y: z', 1],
  ['X : y', 1],
  [': y', 0],
  [' X: y', 0],
  ['X', 1],
  ['X: y\0', 4],
  ['X: y\x7f', 4],
  ['X: y\n', 4],
  ['X: y\rz', 5],
  ['X\x80: y', 1],
  ['X: y\r\n z', 6],
]) {
  const line = `${trailer}\r\n`
  refused(`CHK-3 trailer ${shown(trailer)}`, 400, [
    `${CHUNKED_HEAD}3\r\nabc\r\n0\r\n`,
    line.slice(0, fits + 1),
    DECIDED,
    line.slice(fits + 1),
    END,
  ])
}
accepted('CHK-3 200 trailer lines', [`${CHUNKED_HEAD}0\r\n`, ['X: y\r\n', 200], END], chunkedPost)
refused('CHK-3 201 trailer lines', 431, [
  `${CHUNKED_HEAD}0\r\n`,
  ['X: y\r\n', 200],
  'X',
  DECIDED,
  ': y\r\n\r\n',
])
accepted(
  'CHK-3 trailers of 32768 bytes',
  [`${CHUNKED_HEAD}0\r\nX: `, ['a', 32_768 - 7], '\r\n\r\n'],
  chunkedPost,
)
refused('CHK-3 trailers of 40000 bytes', 431, [
  `${CHUNKED_HEAD}0\r\nX: `,
  ['a', 32_768 - 3],
  DECIDED,
  ['a', 7232],
  '\r\n\r\n',
])
refused('CHK-4 trailer without end', 400, `${CHUNKED_HEAD}3\r\nabc\r\n0\r\nX: y\r\n`)
refused('CHK-4 no blank line', 400, `${CHUNKED_HEAD}3\r\nabc\r\n0\r\n`)
refused('CHK-4 blank line ends in LF', 400, [`${CHUNKED_HEAD}3\r\nabc\r\n0\r\n\n`, DECIDED])
refused('CHK-4 blank line without LF', 400, [`${CHUNKED_HEAD}3\r\nabc\r\n0\r\n\r`])

// Expect ------------------------------------------------------------------------------------------

for (const value of ['100-continue', '100-Continue']) {
  accepted(
    `EXP-1 ${value}`,
    `POST / HTTP/1.1\r\n${HOST}Expect: ${value}\r\nContent-Length: 3\r\n\r\nabc`,
    { method: 'POST', body: 'abc', flags: ['EXPECT_CONTINUE', 'PATH_PLAIN'] },
  )
}
accepted(
  'EXP-1 with a chunked body',
  `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  { method: 'POST', flags: ['EXPECT_CONTINUE', 'CHUNKED', 'PATH_PLAIN'] },
)
refused('EXP-1 limits come first', 413, [
  `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n`,
  DECIDED,
])
accepted('EXP-2 without a body', withFields('Expect: 100-continue'), {
  flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
})
accepted('EXP-2 with an empty body', withFields('Expect: 100-continue', 'Content-Length: 0'), {
  flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
})
accepted(
  'EXP-2 ignored on 1.0',
  `POST / HTTP/1.0\r\n${HOST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
  { method: 'POST', minor: 0, body: 'abc', flags: ['CLOSE', 'PATH_PLAIN'] },
)
accepted(
  'EXP-2 another expectation ignored on 1.0',
  `GET / HTTP/1.0\r\n${HOST}Expect: cookies\r\n\r\n`,
  { minor: 0 },
)
for (const value of [
  '100-continu',
  '200-ok',
  'cookies',
  '100-continue, cookies',
  '100-continue;x',
  '',
]) {
  refused(
    `EXP-2 ${shown(value)}`,
    417,
    [`POST / HTTP/1.1\r\n${HOST}Expect: ${value}\r\nContent-Length: 3\r\n\r\n`, DECIDED, 'abc'],
    value.includes('100-continue') ? { nativeOnly: 'node:http finds 100-continue in a list' } : {},
  )
}
refused(
  'EXP-2 a second, unknown expectation',
  417,
  [
    `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n\r\n`,
    DECIDED,
    'abc',
  ],
  { nativeOnly: 'node:http finds 100-continue in a list' },
)
refused('EXP-2 an unknown expectation before a known one', 417, [
  `POST / HTTP/1.1\r\n${HOST}Expect: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
  DECIDED,
  'abc',
])

// Connection and Upgrade --------------------------------------------------------------------------

const PLAIN = ['BODY_COMPLETE', 'PATH_PLAIN']
for (const [value, flags] of [
  ['close', ['CLOSE']],
  ['Close', ['CLOSE']],
  ['close, x', ['CLOSE']],
  ['x,\tclose ,y', ['CLOSE']],
  ['keep-alive, close', ['CLOSE']],
  ['keep-alive', []],
  ['closed', []],
  ['x-close', []],
  ['close;x', []],
  ['', []],
  [',, ,', []],
]) {
  accepted(`CON-1 ${shown(value)}`, withFields(`Connection: ${value}`), {
    flags: [...flags, ...PLAIN],
  })
}
accepted('CON-1 close on the second line', withFields('Connection: x', 'Connection: close'), {
  flags: ['CLOSE', ...PLAIN],
})
for (const [value, flags] of [
  ['keep-alive', ['KEEP_ALIVE_1_0']],
  ['Keep-Alive', ['KEEP_ALIVE_1_0']],
  ['x, keep-alive', ['KEEP_ALIVE_1_0']],
  ['keep-alive, close', ['CLOSE']],
  ['keepalive', ['CLOSE']],
]) {
  accepted(`CON-2 ${shown(value)} on 1.0`, `GET / HTTP/1.0\r\nConnection: ${value}\r\n\r\n`, {
    minor: 0,
    flags: [...flags, ...PLAIN],
  })
}
accepted(
  'UPG-1 upgrade named by Connection',
  withFields('Connection: keep-alive, Upgrade', 'Upgrade: websocket'),
  { flags: ['UPGRADE', ...PLAIN] },
)
accepted('UPG-1 upgrade not named by Connection', withFields('Upgrade: websocket'), {
  flags: PLAIN,
})
accepted('UPG-1 Connection names what is not there', withFields('Connection: upgrade'), {
  flags: PLAIN,
})
accepted(
  'UPG-1 h2c is served as 1.1',
  withFields('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMA'),
  { flags: ['UPGRADE', ...PLAIN] },
)
accepted(
  'UPG-1 not on 1.0',
  'GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  { minor: 0, flags: ['CLOSE', ...PLAIN] },
)
accepted(
  'UPG-1 the body is framed first',
  `POST / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc`,
  { method: 'POST', body: 'abc', flags: ['UPGRADE', 'PATH_PLAIN'] },
)

// Order of checks ---------------------------------------------------------------------------------

refused('order: target before fields', 400, ['GET # HTTP/1.1\r\n', DECIDED, 'Host : a\r\n\r\n'])
refused('order: fields before Host', 431, [
  LINE,
  ['Host: b\r\n', 200],
  'H',
  DECIDED,
  'ost: b\r\n\r\n',
])
refused('order: Host before framing', 400, [
  `POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n`,
  DECIDED,
])
refused('order: framing before Expect', 400, [
  `POST / HTTP/1.1\r\n${HOST}Expect: x\r\nContent-Length: x\r\n\r\n`,
  DECIDED,
])
refused('order: Expect before body limits', 417, [
  `POST / HTTP/1.1\r\n${HOST}Expect: x\r\nContent-Length: 999999999999\r\n\r\n`,
  DECIDED,
])
