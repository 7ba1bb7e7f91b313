// Message start, request line, version and method (http1.md RL, VER, MET).
import {
  DECIDED,
  END,
  HOST,
  LINE,
  NODE_LEADING,
  NODE_METHODS,
  shown,
  table,
  withFields,
  withLine,
} from './table.mjs'

const NODE_SPACES = { nativeOnly: 'node:http skips spaces' }

export const requestLineCases = table((accepted, refused) => {
  accepted('RL-1 one CRLF before the request', `\r\n${withFields()}`)
  accepted('RL-1 eight CRLF pairs before the request', [['\r\n', 8], withFields()])
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
  refused('RL-3 bare CR ends the request line', 400, [
    'GET / HTTP/1.1\rH',
    DECIDED,
    'ost: a\r\n\r\n',
  ])
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
  refused(
    'RL-4 two spaces behind the method',
    400,
    ['GET  ', DECIDED, '/ HTTP/1.1\r\n', HOST, END],
    NODE_SPACES,
  )
  refused(
    'RL-4 two spaces before the version',
    400,
    ['GET /  ', DECIDED, 'HTTP/1.1\r\n', HOST, END],
    NODE_SPACES,
  )
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
  refused('RL-4 two lines of request', 400, `${LINE}${LINE}${HOST}\r\n`)
  refused('RL-4 a version behind a second space', 400, `GET / / HTTP/1.1\r\n${HOST}\r\n`)
  refused('RL-4 only spaces for a target', 400, ['GET   ', 'HTTP/1.1\r\n', HOST, END])
  refused('RL-4 an answer', 400, `HTTP/1.1 200 OK\r\n${HOST}\r\n`)
  refused('RL-4 version first', 400, `HTTP/1.1 GET /\r\n${HOST}\r\n`)
  refused('RL-5 a target of 20000 bytes', 414, [
    'GET /',
    ['a', 16_380],
    DECIDED,
    ['a', 3620],
    ' HTTP/1.1\r\n',
    HOST,
    END,
  ])
  refused(
    'RL-5 a method of 20000 bytes',
    414,
    [['A', 16_385], DECIDED, ['A', 3615], ' / HTTP/1.1\r\n', HOST, END],
    { nativeOnly: NODE_METHODS },
  )

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
    ['hTTP/1.1', 0],
    ['HtTP/1.1', 1],
    ['HTtP/1.1', 2],
    ['HTTp/1.1', 3],
    ['HTTP/01.1', 6],
    ['HTTP/1.01', 8],
    ['HTTP/11.1', 6],
    ['HTTP/1.1.1', 8],
    ['HTTP/-1.1', 5],
    ['HTTP/+1.1', 5],
    ['HTTP/.1', 5],
    ['HTTP/', 5],
    ['HTTP', 4],
    ['HTTP//1.1', 5],
    ['HTTP\\1.1', 4],
    ['HTTP:1.1', 4],
    ['HTTP/A.B', 5],
    ['HTTP/1.1,', 8],
    ['HTTP/1.1;', 8],
    ['SHTTP/1.1', 0],
    ['ICE/1.0', 0],
    ['SIP/2.0', 0],
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
  refused('VER-1 RTSP/1.0', 400, ['GET / R', DECIDED, 'TSP/1.0\r\n', HOST, END], {
    nativeOnly: 'node:http takes RTSP and ICE for HTTP',
  })
  for (const minor of [2, 3, 4, 5, 6, 7, 8, 9])
    accepted(
      `VER-2 HTTP/1.${minor}`,
      withLine(`GET / HTTP/1.${minor}`),
      {},
      { nativeOnly: 'VER-2' },
    )
  for (const version of [
    '0.0',
    '0.9',
    '0.1',
    '2.0',
    '2.1',
    '3.0',
    '4.0',
    '5.5',
    '6.6',
    '7.7',
    '8.8',
    '9.9',
  ])
    refused(`VER-2 HTTP/${version}`, 505, [`GET / HTTP/${version}\r\n`, DECIDED, HOST, END])
  refused('VER-2 the HTTP/2 preface', 505, ['PRI * HTTP/2.0\r\n', DECIDED, '\r\nSM\r\n\r\n'])
  refused('VER-2 the HTTP/2 preface with its settings', 505, [
    'PRI * HTTP/2.0\r\n',
    DECIDED,
    '\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff\0\x02\0\0\0\0',
  ])
  refused('VER-2 before the target', 505, ['GET /# HTTP/2.0\r\n', DECIDED, HOST, END])
  refused('VER-2 before the method', 505, ['CONNECT a:1 HTTP/2.0\r\n', DECIDED, HOST, END])

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
  for (const target of ['a:443', 'a', '*', 'http://a/', 'https://a/', '[::1]:443', ':1', '?'])
    refused(`MET-3 CONNECT ${target}`, 501, [`CONNECT ${target} HTTP/1.1\r\n`, DECIDED, HOST, END])
  refused('MET-3 CONNECT without Host', 501, ['CONNECT a:1 HTTP/1.1\r\n', DECIDED, END])
  refused('MET-3 CONNECT on 1.0', 501, ['CONNECT a:1 HTTP/1.0\r\n', DECIDED, END])
  refused('MET-3 CONNECT with a body', 501, [
    'CONNECT a:1 HTTP/1.1\r\n',
    DECIDED,
    `${HOST}Content-Length: 3\r\n\r\nabc`,
  ])
  refused('MET-3 CONNECT with a chunked body', 501, [
    'CONNECT a:1 HTTP/1.1\r\n',
    DECIDED,
    `${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ])
  accepted(
    'MET-3 connect is not CONNECT',
    withLine('connect / HTTP/1.1'),
    { method: 'connect' },
    { nativeOnly: NODE_METHODS },
  )
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
})
