// Field lines and the limits of a head (http1.md FLD).
import { DECIDED, END, HOST, LINE, shown, table, withFields } from './table.mjs'

export const fieldCases = table((accepted, refused) => {
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
    refused(`FLD-2 ${shown(byte)} in a value`, 400, [
      LINE,
      HOST,
      `X: a${byte}`,
      DECIDED,
      'b\r\n\r\n',
    ])
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
  refused('FLD-3 folded name', 400, [LINE, HOST, 'X\r', '\n Y: z\r\n\r\n'])
  for (const [what, fold] of [
    ['one space', '\r\n '],
    ['many blanks', '\r\n \t \t'],
    ['two lines', '\r\n a\r\n b'],
    ['only blanks', '\r\n \r\n'],
    ['bare LF', '\n '],
    ['bare CR', '\r '],
  ]) {
    refused(`FLD-3 any value folded, ${what}`, 400, `${LINE}${HOST}X: y${fold}z\r\n\r\n`)
    refused(`FLD-3 Host folded, ${what}`, 400, `${LINE}Host: a${fold}b\r\n\r\n`)
    refused(`FLD-3 an empty value folded, ${what}`, 400, `${LINE}${HOST}X:${fold}z\r\n\r\n`)
  }
  refused(
    'FLD-3 a length folded',
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n 0\r\n\r\nabc`,
  )
  refused(
    'FLD-3 a coding folded behind its name',
    400,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: x\r\n ,chunked\r\n\r\n0\r\n\r\n`,
  )
  for (const [what, hidden] of [
    ['bare LF', 'X: y\nContent-Length: 3'],
    ['bare CR', 'X: y\rContent-Length: 3'],
    ['NUL', 'X: y\0Content-Length: 3'],
    ['CR CR LF', 'X: y\r\r\nContent-Length: 3'],
    ['LF CR', 'X: y\n\rContent-Length: 3'],
  ])
    refused(`RL-3 a length behind ${what}`, 400, `POST / HTTP/1.1\r\n${HOST}${hidden}\r\n\r\nabc`)
  for (const [what, end] of [
    ['LF LF', '\n\n'],
    ['CR LF LF', '\r\n\n'],
    ['LF CR LF', '\n\r\n'],
    ['CR CR LF LF', '\r\r\n\n'],
    ['CR LF CR CR LF', '\r\n\r\r\n'],
    ['CR LF CR', '\r\n\rX'],
  ])
    refused(`RL-3 ${what} ends the head`, 400, `${LINE}Host: a${end}`)
  refused('FLD-1 only a colon', 400, `${LINE}${HOST}:\r\n\r\n`)
  refused('FLD-1 a colon first in the head', 400, `${LINE}: a\r\n${HOST}\r\n`)
  refused('FLD-1 a line of one blank', 400, `${LINE}${HOST} \r\n\r\n`)
  refused('FLD-1 a second request line', 400, `${LINE}${HOST}GET /x HTTP/1.1\r\n\r\n`)
  accepted('FLD-1 one letter', withFields('x: y'))
  accepted('FLD-1 a colon in the value', withFields('X: :y: z:'), {
    fields: [
      ['Host', 'a'],
      ['X', ':y: z:'],
    ],
  })
  accepted(
    'FLD-1 underscores are no dashes',
    withFields('Content_Length: 3', 'Transfer_Encoding: chunked'),
    {
      fields: [
        ['Host', 'a'],
        ['Content_Length', '3'],
        ['Transfer_Encoding', 'chunked'],
      ],
      flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
    },
  )
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
  refused('FLD-4 a name of 40000 bytes', 431, [LINE, HOST, ['x', 40_000], ': y\r\n\r\n'])
  refused('FLD-4 a thousand fields', 431, [LINE, HOST, ['X: y\r\n', 1000], END])
  refused('FLD-4 a thousand empty fields', 431, [LINE, HOST, ['X:\r\n', 1000], END])
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
})
