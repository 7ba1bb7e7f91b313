// Chunked bodies and their trailers (http1.md CHK).
import { CHUNKED_HEAD, chunkedPost, DECIDED, END, shown, table } from './table.mjs'

export const chunkCases = table((accepted, refused) => {
  const NODE_SIZES = 'node:http does not tell the sizes of chunks'
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
    ['0X3', 1],
    ['3h', 1],
    ['3.0', 1],
    ['3,', 1],
    ['3_', 1],
    ['3 3', 2],
    ['--3', 0],
    ['#3', 0],
    ['$3', 0],
    ['3L', 1],
    [';a', 0],
    [';', 0],
    [' ;a', 0],
    ['3 a', 2],
    ['3 \t', 3],
  ].filter(([size], index, all) => all.findIndex(([other]) => other === size) === index)) {
    const line = `${size}\r\n`
    refused(`CHK-1 size ${shown(size)}`, 400, [
      CHUNKED_HEAD,
      line.slice(0, fits + 1),
      DECIDED,
      line.slice(fits + 1),
      'abc\r\n0\r\n\r\n',
    ])
  }
  for (const digits of ['3', '03', '003', '00000003', '000000000000003', '0000000000000003'])
    accepted(`CHK-1 ${digits}`, `${CHUNKED_HEAD}${digits}\r\nabc\r\n0\r\n\r\n`, {
      ...chunkedPost,
      body: 'abc',
    })
  for (const last of ['0', '00', '0000000000000000'])
    accepted(`CHK-1 ${last} ends the body`, `${CHUNKED_HEAD}3\r\nabc\r\n${last}\r\n\r\n`, {
      ...chunkedPost,
      body: 'abc',
    })
  for (const [digit, length] of ['a', 'A', 'f', 'F', 'b', 'C', 'd', 'E'].map((digit) => [
    digit,
    Number.parseInt(digit, 16),
  ]))
    accepted(
      `CHK-1 ${digit} is ${length}`,
      `${CHUNKED_HEAD}${digit}\r\n${'x'.repeat(length)}\r\n0\r\n\r\n`,
      { ...chunkedPost, body: 'x'.repeat(length) },
    )
  accepted('CHK-1 a hundred chunks of one byte', [CHUNKED_HEAD, ['1\r\nx\r\n', 100], '0\r\n\r\n'], {
    ...chunkedPost,
    body: 'x'.repeat(100),
  })
  for (const size of [
    '8000000000000000',
    '7fffffffffffffff',
    'fffffffffffffffe',
    '100000003',
    '6400001',
  ])
    refused(
      `CHK-1 ${size} is too large, never small`,
      413,
      [CHUNKED_HEAD, `${size}\r`, DECIDED, '\nabc\r\n0\r\n\r\n'],
      { nativeOnly: NODE_SIZES },
    )
  for (const size of ['10000000000000003', '100000000000000000000000000000003'])
    refused(`CHK-1 ${size} wraps around`, 400, `${CHUNKED_HEAD}${size}\r\nabc\r\n0\r\n\r\n`)
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
    ';a="b"',
    ';a="b c"',
    ';a="b\\"c"',
    ';a="b;c"',
    ';a=""',
    ';a="b',
    ';a=b=c',
    ';;',
    ';a;b;c',
    ';=',
    '\t;a',
    '; a',
    ';a ',
    ';a = b',
    '  \t ;a=b',
    ';a=\x80\xff',
  ]) {
    accepted(
      `CHK-2 extension ${shown(extension)}`,
      `${CHUNKED_HEAD}3${extension}\r\nabc\r\n0${extension}\r\n\r\n`,
      { ...chunkedPost, body: 'abc' },
      /^(;[a-z]+(=([a-z]+|"[^"]*(\\"c)?"))?)+$/.test(extension)
        ? {}
        : { nativeOnly: 'CHK-2 details of extensions' },
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
  for (const [what, extension] of [
    ['LF', ';a=b\n'],
    ['LF in quotes', ';a="b\nc"'],
    ['CR LF in quotes', ';a="b\r\nc"'],
    ['LF before it', '\n;a'],
    ['CR at its end', ';a\r\r'],
    ['LF at once', ';\n'],
    ['NUL in quotes', ';a="\0"'],
  ]) {
    refused(
      `CHK-2 an extension with ${what}`,
      400,
      `${CHUNKED_HEAD}3${extension}\r\nabc\r\n0\r\n\r\n`,
    )
    refused(
      `CHK-2 an extension of the last chunk with ${what}`,
      400,
      `${CHUNKED_HEAD}3\r\nabc\r\n0${extension}\r\n\r\n`,
    )
  }
  for (const behind of [
    '',
    '\n',
    '\r',
    '\n\n',
    '\n\r',
    '\r\r\n',
    ' \r\n',
    '\t\r\n',
    'x\r\n',
    ';\r\n',
    '0\r\n',
  ])
    refused(
      `CHK-2 ${shown(behind)} behind three bytes`,
      400,
      `${CHUNKED_HEAD}3\r\nabc${behind}0\r\n\r\n`,
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
  for (const trailer of [
    'Content-Length: 5',
    'Content-Length: x',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Host: b',
    'Host: a b',
    'Connection: close',
    'Connection: keep-alive',
    'Upgrade: websocket',
    'Expect: x',
    'Trailer: X',
    'TE: trailers',
    'Authorization: Basic x',
    'Cookie: a=b',
    'X:',
    'X:\ty\t',
    'X: caf\xe9',
  ])
    accepted(
      `CHK-3 ${shown(trailer)} in a trailer says nothing`,
      `${CHUNKED_HEAD}3\r\nabc\r\n0\r\n${trailer}\r\n\r\n`,
      {
        ...chunkedPost,
        body: 'abc',
        fields: [
          ['Host', 'a'],
          ['Transfer-Encoding', 'chunked'],
        ],
      },
      /^(Content-Length|Transfer|Connection: close)/.test(trailer)
        ? { nativeOnly: 'node:http reads framing fields in trailers' }
        : {},
    )
  refused('CHK-3 a trailer name of 40000 bytes', 431, [
    `${CHUNKED_HEAD}0\r\n`,
    ['x', 40_000],
    ': y\r\n\r\n',
  ])
  refused('CHK-3 a thousand trailer lines', 431, [`${CHUNKED_HEAD}0\r\n`, ['X:\r\n', 1000], END])
  refused('CHK-3 trailers of 32769 bytes', 431, [
    `${CHUNKED_HEAD}0\r\nX: `,
    ['a', 32_769 - 7],
    '\r\n\r\n',
  ])
  for (const [trailer, fits] of [
    ['X\r', 1],
    ['X\n', 1],
    [':', 0],
    ['\tX: y', 0],
    ['X\t: y', 1],
    ['GET /probe HTTP/1.1', 3],
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
  for (const end of ['\n\n', '\n\r\n', '\r\r\n', '\r\n\n', '\r\n\rX', '\r\n\r\r\n'])
    refused(`CHK-4 ${shown(`0${end}`)} is no end`, 400, `${CHUNKED_HEAD}3\r\nabc\r\n0${end}`)
  refused('CHK-4 blank line without LF', 400, [`${CHUNKED_HEAD}3\r\nabc\r\n0\r\n\r`])
})
