// What says where a body ends (http1.md CL, TE, BODY).
import {
  CHUNKED_HEAD,
  DECIDED,
  HOST,
  requestLimits,
  shown,
  table,
  withFields,
  withLine,
} from './table.mjs'

const NODE_TABS = { nativeOnly: 'node:http refuses a tab behind the value' }
const NODE_HEAD = { nativeOnly: 'node:http does not tell the method of a head that it refused' }

export const bodyFramingCases = table((accepted, refused) => {
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
    '3 ,3',
    ',3',
    '3,',
    '3,4',
    '3, 0',
    '0,0',
    '3;',
    '3;q=1',
    '"3"',
    "'3'",
    '(3)',
    '3 3 3',
    '3\t3',
    '++3',
    '- 3',
    '-0',
    '+0',
    '0b11',
    '0o3',
    '3e0',
    '3_0',
    '1_000',
    '3,000',
    '3h',
    'three',
    'NaN',
    'Infinity',
    '0x',
    '.3',
    '3 bytes',
    '#3',
    '3%',
    '%33',
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
    '4294967299',
    '9223372036854775807',
    '9223372036854775808',
    '9223372036854775811',
    '340282366920938463463374607431768211459',
    '9'.repeat(400),
  ]) {
    refused(
      `CL-1 ${digits.length > 60 ? `${digits.length} digits` : digits} is too large, never small`,
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
  accepted(
    'CL-1 blanks around the digits',
    withFields('Content-Length: \t0 \t'),
    {
      flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
    },
    NODE_TABS,
  )
  accepted('CL-1 in any case', `POST / HTTP/1.1\r\n${HOST}cOnTeNt-LeNgTh: 3\r\n\r\nabc`, {
    method: 'POST',
    body: 'abc',
  })
  for (const [what, first, second] of [
    ['equal', '3', '3'],
    ['different', '3', '4'],
    ['zero', '0', '0'],
    ['swapped', '0', '3'],
    ['reordered', '3', '0'],
    ['unlike written', '3', '03'],
    ['half empty', '3', ''],
    ['half bad', 'x', '3'],
  ]) {
    refused(`CL-2 two ${what} lengths`, 400, [
      `POST / HTTP/1.1\r\n${HOST}Content-Length: ${first}\r\nContent-Length: ${second}\r\n\r\n`,
      DECIDED,
      'abc',
    ])
  }
  refused(
    'CL-2 three equal lengths',
    400,
    `POST / HTTP/1.1\r\n${HOST}${'Content-Length: 3\r\n'.repeat(3)}\r\nabc`,
  )
  refused(
    'CL-2 two lengths in other case and apart',
    400,
    `POST / HTTP/1.1\r\nContent-Length: 3\r\n${HOST}X: y\r\ncontent-length: 3\r\n\r\nabc`,
  )
  refused('CL-2 on GET', 400, withFields('Content-Length: 0', 'Content-Length: 0'))
  refused('CL-1 on GET', 400, withFields('Content-Length: -1'))
  refused('CL-1 on HEAD', 400, `HEAD / HTTP/1.1\r\n${HOST}Content-Length: 1,1\r\n\r\na`, NODE_HEAD)
  refused('CL-1 on 1.0', 400, 'POST / HTTP/1.0\r\nContent-Length: +3\r\n\r\nabc')
  accepted(
    'CL-1 on 1.0 with keep-alive',
    'POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc',
    {
      method: 'POST',
      minor: 0,
      body: 'abc',
      flags: ['KEEP_ALIVE_1_0', 'PATH_PLAIN'],
    },
  )
  for (const blanks of [' ', '\t', ' \t ', '\t\t'])
    accepted(
      `TE-1 ${shown(`${blanks}chunked${blanks}`)}`,
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding:${blanks}chunked${blanks}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      { method: 'POST', body: 'abc', flags: ['CHUNKED', 'PATH_PLAIN'] },
      blanks.includes('\t') ? NODE_TABS : {},
    )
  for (const value of ['CHUNKED', 'Chunked', 'chunked', 'cHuNkEd']) {
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
    'chunk',
    'c hunked',
    'chunked\tx',
    'chunke\xe4',
    'chunkedchunked',
    'chunked,chunked',
    'CHUNKED, chunked',
    'chunked, x',
    'chunked, gzip, chunked',
    'gzip, chunked, x',
    'chunked, ',
    'chunked,,',
    ', chunked',
    ',,chunked',
    ', ,',
    'gzip,',
    'chunked;',
    'chunked; q=0.5',
    'chunked ;q=1',
    'chunked=1',
    'chunked/1',
    'chunked:x',
    '"chunked',
    'chunked"',
    "'chunked'",
    '(chunked)',
    '[chunked]',
    '*',
    'none',
    'deflate',
    'compress',
    'br',
    'trailers',
    'x chunked',
    'gzip chunked',
    'gzip; chunked',
    '"gzip", chunked',
    '\xe4, chunked',
    'chunked\\',
    'chunked#',
  ].filter((value, index, all) => all.indexOf(value) === index)) {
    refused(`TE-1 ${shown(value)}`, 400, [
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${value}\r\n\r\n`,
      DECIDED,
      '3\r\nabc\r\n0\r\n\r\n',
    ])
  }
  for (const value of [
    'gzip, chunked',
    'identity,chunked',
    'x;y=1 ,\tchunked',
    'a,b,chunked',
    'x, chunked',
    'identity, chunked',
    'trailers, chunked',
    'deflate , CHUNKED',
    'xchunked, chunked',
    'gzip,chunked\t',
  ]) {
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
  for (const second of ['gzip', '', 'chunked, x', 'CHUNKED']) {
    refused(
      `TE-1 chunked, then a line ${shown(second)}`,
      400,
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: ${second}\r\n\r\n0\r\n\r\n`,
    )
    refused(
      `TE-1 a line ${shown(second)}, then chunked`,
      400,
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${second}\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    )
  }
  for (const [what, lines] of [
    ['a bad length', 'Transfer-Encoding: chunked\r\nContent-Length: x\r\n'],
    ['a large length', 'Transfer-Encoding: chunked\r\nContent-Length: 99999999999999999999\r\n'],
    ['an empty length', 'Transfer-Encoding: chunked\r\nContent-Length:\r\n'],
    ['a coding that is none', 'Transfer-Encoding: x\r\nContent-Length: 3\r\n'],
    ['a coding unknown', 'Transfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n'],
    ['identity', 'Transfer-Encoding: identity\r\nContent-Length: 3\r\n'],
    ['an empty coding', 'Transfer-Encoding:\r\nContent-Length: 3\r\n'],
  ])
    refused(`TE-2 both, ${what}`, 400, `POST / HTTP/1.1\r\n${HOST}${lines}\r\nabc`)
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS'])
    refused(
      `TE-2 both, on ${method}`,
      400,
      `${method} / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      method === 'HEAD' ? NODE_HEAD : {},
    )
  refused(
    'TE-2 on 1.0 with keep-alive',
    400,
    'POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  )
  refused(
    'TE-2 on 1.0 with identity',
    400,
    'POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\nabc',
  )
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'PATCH'])
    accepted(
      `MET-5 ${method} with a chunked body`,
      `${method} / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      { method, body: 'abc' },
    )
  for (const method of ['PUT', 'PATCH', 'DELETE'])
    accepted(`BODY-1 ${method} without a length has no body`, withLine(`${method} / HTTP/1.1`), {
      method,
    })
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
})
