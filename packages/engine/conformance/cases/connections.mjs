// Expect, Connection, Upgrade, and the order of checks (http1.md EXP, CON, UPG).
import { DECIDED, HOST, LINE, shown, table, withFields } from './table.mjs'

export const connectionCases = table((accepted, refused) => {
  for (const value of ['100-continue', '100-Continue', '100-CONTINUE', '\t100-continue \t']) {
    accepted(
      `EXP-1 ${shown(value)}`,
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
    '100 continue',
    '100-continue,',
    ',100-continue',
    '100-continue, 100-continue',
    '100-continue x',
    'x100-continue',
    '100-continuex',
    '100-continue=1',
    '"100-continue"',
    '101-continue',
    '100',
    'continue',
    '*',
    'x=y',
  ]) {
    refused(`EXP-2 ${shown(value)}`, 417, [
      `POST / HTTP/1.1\r\n${HOST}Expect: ${value}\r\nContent-Length: 3\r\n\r\n`,
      DECIDED,
      'abc',
    ])
  }
  refused('EXP-2 an unknown expectation before a known one', 417, [
    `POST / HTTP/1.1\r\n${HOST}Expect: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
    DECIDED,
    'abc',
  ])
  refused('EXP-2 a second, unknown expectation', 417, [
    `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n\r\n`,
    DECIDED,
    'abc',
  ])

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
    ['CLOSE', ['CLOSE']],
    ['close,', ['CLOSE']],
    [',close', ['CLOSE']],
    [' close ', ['CLOSE']],
    ['close,close', ['CLOSE']],
    ['close, keep-alive', ['CLOSE']],
    ['te, close', ['CLOSE']],
    ['"close"', []],
    ['close x', []],
    ['x close', []],
    ['clos', []],
    ['close=1', []],
    ['closeclose', []],
    ['not-close', []],
    ['Host', []],
    ['Content-Length', []],
    ['Transfer-Encoding', []],
    ['\xe9, x', []],
  ]) {
    accepted(`CON-1 ${shown(value)}`, withFields(`Connection: ${value}`), {
      flags: [...flags, ...PLAIN],
    })
  }
  accepted('CON-1 close on the second line', withFields('Connection: x', 'Connection: close'), {
    flags: ['CLOSE', ...PLAIN],
  })
  for (const [what, lines] of [
    ['Proxy-Connection', ['Proxy-Connection: close']],
    ['Keep-Alive', ['Keep-Alive: timeout=1, max=1']],
    ['TE', ['TE: trailers, chunked', 'Connection: TE']],
    ['Trailer', ['Trailer: X']],
    ['X-Connection', ['X-Connection: close']],
  ])
    accepted(
      `CON-1 ${what} does not close`,
      withFields(...lines),
      { flags: PLAIN },
      what === 'Proxy-Connection' ? { nativeOnly: 'node:http obeys Proxy-Connection' } : {},
    )
  accepted(
    'CON-1 keep-alive on the second line',
    withFields('Connection: close', 'Connection: keep-alive'),
    { flags: ['CLOSE', ...PLAIN] },
  )
  accepted(
    'CON-1 close and a body',
    `POST / HTTP/1.1\r\n${HOST}Connection: close\r\nContent-Length: 3\r\n\r\nabc`,
    { method: 'POST', body: 'abc', flags: ['CLOSE', 'PATH_PLAIN'] },
  )
  accepted(
    'CON-1 close and a chunked body',
    `POST / HTTP/1.1\r\n${HOST}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    { method: 'POST', body: 'abc', flags: ['CLOSE', 'CHUNKED', 'PATH_PLAIN'] },
  )
  accepted('CON-2 1.0 with a body closes', 'POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc', {
    method: 'POST',
    minor: 0,
    body: 'abc',
    flags: ['CLOSE', 'PATH_PLAIN'],
  })
  accepted('CON-2 HEAD on 1.0', 'HEAD /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', {
    method: 'HEAD',
    target: '/x',
    minor: 0,
    flags: ['KEEP_ALIVE_1_0', ...PLAIN],
  })
  for (const [value, flags] of [
    ['keep-alive', ['KEEP_ALIVE_1_0']],
    ['Keep-Alive', ['KEEP_ALIVE_1_0']],
    ['x, keep-alive', ['KEEP_ALIVE_1_0']],
    ['keep-alive, close', ['CLOSE']],
    ['keepalive', ['CLOSE']],
    ['KEEP-ALIVE', ['KEEP_ALIVE_1_0']],
    ['keep-alive, x', ['KEEP_ALIVE_1_0']],
    ['close, keep-alive', ['CLOSE']],
    ['close', ['CLOSE']],
    ['', ['CLOSE']],
    ['"keep-alive"', ['CLOSE']],
    ['keep-alive=1', ['CLOSE']],
    ['x-keep-alive', ['CLOSE']],
    ['Upgrade', ['CLOSE']],
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
  for (const value of ['h2c', 'h2', 'HTTP/2.0', 'TLS/1.0', 'websocket, h2c', 'x/1, y', ''])
    accepted(
      `UPG-1 ${shown(value)} is ignored`,
      withFields('Connection: upgrade', `Upgrade: ${value}`),
      { flags: ['UPGRADE', ...PLAIN] },
    )
  accepted('UPG-1 HTTP2-Settings alone', withFields('HTTP2-Settings: AAMAAABkAAQAAP__'), {
    flags: PLAIN,
  })
  accepted(
    'UPG-1 a WebSocket handshake nobody takes',
    withFields(
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    ),
    { flags: ['UPGRADE', ...PLAIN] },
  )
  accepted(
    'UPG-1 a chunked body is framed first',
    `POST / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    { method: 'POST', body: 'abc', flags: ['UPGRADE', 'CHUNKED', 'PATH_PLAIN'] },
  )
  accepted('UPG-1 close wins', withFields('Connection: close, upgrade', 'Upgrade: h2c'), {
    flags: ['CLOSE', 'UPGRADE', ...PLAIN],
  })
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
})
