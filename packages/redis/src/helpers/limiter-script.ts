import { type LuaScript, luaScript } from './lua-script.ts'

/**
 * The one script of all limits: it takes every policy of a request and charges all or none.
 *
 * `KEYS[1]` is a hash. `ARGV[1]` is `take`, `refund` or `peek`; then come seven arguments for each
 * policy: its kind, its name and five integers. All times are whole microseconds, all numbers stay
 * below 2^53 and are exact. The reply is `{ allowed, state of each policy … }`, the state being
 * integers that the kind's file here reads.
 *
 * The hash has a field `t` with the time of the last write, what to add to the server's time (where
 * that ran backwards it counts as standing still), and when it expires. Beside it is a field for
 * each policy:
 * `g:<name>` full again at, and the part of a microsecond that is missing; `w:<name>` and `f:<name>`
 * start of the window, units in it, units in the one before; `l:<name>` first and next entry, units
 * before the first, units ever, with `e:<number>:<name>` the time of an entry and the units ever.
 * What has passed equals what is absent, so the hash expires when every policy is full again.
 */
export const limiterScript: LuaScript = luaScript(`local S, SS = 67108864, 4503599627370496
local key, operation = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function numbers(text)
  local a, b, c, d = string.match(text or '', '(%d+) ?(%d*) ?(%d*) ?(%d*)')
  return {tonumber(a), tonumber(b), tonumber(c), tonumber(d)}
end

local formats = {'%.0f', '%.0f %.0f', '%.0f %.0f %.0f', '%.0f %.0f %.0f %.0f'}
local function text(...)
  return string.format(formats[select('#', ...)], ...)
end

-- High and low part of a * b, in 2^52; both below 2^52.
local function product(a, b)
  local a0, b0 = a % S, b % S
  local a1, b1 = (a - a0) / S, (b - b0) / S
  local middle = a1 * b0 + a0 * b1
  local low = a0 * b0 + middle % S * S
  return a1 * b1 + math.floor(middle / S) + math.floor(low / SS), low % SS
end

-- Whether a * b <= c * d.
local function ordered(a, b, c, d)
  local high, low = product(a, b)
  local above, below = product(c, d)
  return high < above or high == above and low <= below
end

local fields = {'t'}
for i = 2, #ARGV, 7 do fields[#fields + 1] = ARGV[i] .. ':' .. ARGV[i + 1] end
local saved = redis.call('HMGET', key, unpack(fields))
local seen = numbers(saved[1])
local last, ahead, expires = seen[1] or 0, seen[2] or 0, seen[3] or 0
local backwards = now < last
if backwards then ahead = ahead + last - now end
local clock = now + ahead
local changes = {}

local function change(field, value)
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end

local kinds = {}

-- Token bucket as GCRA. rate: units in the time of a cost of 'rate' intervals; cost and full are
-- microseconds and parts of 1 / rate of one.
function kinds.g(field, state, rate, cost, costPart, full, fullPart)
  local wait, part = (state[1] or 0) - clock, state[2] or 0
  if wait < 0 then wait, part = 0, 0 end
  if part >= rate then part = 0 end
  if wait > full or wait == full and part > fullPart then wait, part = full, fullPart end
  local charged, chargedPart = wait + cost, part + costPart
  if chargedPart >= rate then charged, chargedPart = charged + 1, chargedPart - rate end

  local function set(newWait, newPart)
    wait, part = newWait, newPart
    change(field, text(clock + wait, part))
    return part > 0 and wait + 1 or wait
  end
  return {
    fits = charged < full or charged == full and chargedPart <= fullPart,
    take = function() return set(charged, chargedPart) end,
    refund = function()
      local left, leftPart = wait - cost, part - costPart
      if leftPart < 0 then left, leftPart = left - 1, leftPart + rate end
      if left < 0 then left, leftPart = 0, 0 end
      set(left, leftPart)
    end,
    reply = function() return {wait, part} end
  }
end

-- Two windows; the one before counts by the share of it that a window ending now would cover.
local function windows(field, state, limit, window, cost, memory)
  local start, count, before = state[1] or 0, state[2] or 0, state[3] or 0
  local age = clock - start
  if age >= window * memory then
    count, before = 0, 0
  elseif age >= window then
    start, count, before, age = start + window, 0, count, age - window
  end
  if count + before == 0 then start, age = clock, 0 end
  local free = limit - count - cost

  local function set(newCount, newBefore)
    count, before = newCount, newBefore
    change(field, text(start, count, before))
    return (count > 0 and window * memory or window) - age
  end
  return {
    fits = cost == 0 or free >= 0 and ordered(before, window - age, free, window),
    take = function() return set(count + cost, before) end,
    refund = function() set(math.max(0, count - cost), math.max(0, before + math.min(0, count - cost))) end,
    reply = function() return {count, before, age} end
  }
end
function kinds.w(field, state, limit, window, cost) return windows(field, state, limit, window, cost, 2) end
function kinds.f(field, state, limit, window, cost) return windows(field, state, limit, window, cost, 1) end

-- Every entry of the last window, each with the units ever taken up to it: found by halving.
function kinds.l(field, state, limit, window, cost, _, _, name)
  local head, tail, base, total = state[1] or 0, state[2] or 0, state[3] or 0, state[4] or 0

  local function place(at) return 'e:' .. at .. ':' .. name end
  local known = {}
  local function entry(at)
    local found = known[at]
    if not found then
      found = numbers(redis.call('HGET', key, place(at)))
      known[at] = found
    end
    return found[1] or 0, found[2] or 0
  end
  local function save(at, time, units)
    known[at] = {time, units}
    change(place(at), text(time, units))
  end
  -- The first one that does not leave; most often the very first.
  local function search(first, leaves)
    local stop, middle = tail, first
    while first < stop do
      if leaves(entry(middle)) then first = middle + 1 else stop = middle end
      middle = math.floor((first + stop) / 2)
    end
    return first
  end
  local function unitsBefore(at)
    if at <= head then return base end
    local _, units = entry(at - 1)
    return units
  end

  local first = search(head, function(at) return at + window <= clock end)
  local passed = unitsBefore(first)

  -- Microseconds until so many units are free.
  local function untilFree(units)
    local due = total + units - limit
    if due <= passed then return 0 end
    local last = due == total and tail - 1 or search(first, function(_, sum) return sum < due end)
    return entry(last) + window - clock
  end
  local function set(newTail, newTotal)
    tail, total = newTail, newTotal
    for from = head, first - 1, 1000 do
      local gone = {}
      for at = from, math.min(from + 999, first - 1) do gone[#gone + 1] = place(at) end
      redis.call('HDEL', key, unpack(gone))
    end
    head, base = first, passed
    change(field, text(head, tail, base, total))
    return window
  end
  return {
    fits = cost == 0 or total - passed + cost <= limit,
    take = function()
      save(tail, clock, total + cost)
      return set(tail + 1, total + cost)
    end,
    refund = function()
      local rest, at = math.max(passed, total - cost), tail
      while at > first and unitsBefore(at - 1) >= rest do
        at = at - 1
        redis.call('HDEL', key, place(at))
      end
      if at > first then save(at - 1, entry(at - 1), rest) end
      set(at, rest)
    end,
    reply = function()
      local used = total - passed
      local left = math.max(0, limit - used)
      return {used, untilFree(cost), untilFree(math.min(limit, left + 1)), untilFree(limit)}
    end
  }
end

local policies, allowed = {}, true
for i = 2, #fields do
  local at = i * 7 - 12
  local n = {}
  for j = 1, 5 do n[j] = tonumber(ARGV[at + 1 + j]) end
  local state = numbers(saved[i])
  local policy = kinds[ARGV[at]](fields[i], state, n[1], n[2], n[3], n[4], n[5], ARGV[at + 1])
  policies[#policies + 1] = policy
  policy.known = #state > 0
  allowed = allowed and policy.fits
end

local fullAfter = 0
if operation == 'take' and allowed then
  for _, policy in ipairs(policies) do fullAfter = math.max(fullAfter, policy.take()) end
elseif operation == 'refund' then
  for _, policy in ipairs(policies) do if policy.known then policy.refund() end end
end
-- Redis counts from the millisecond that has begun, so one more.
local lifeMs = math.ceil(fullAfter / 1000) + 1
local longer = fullAfter > 0 and now + lifeMs * 1000 > expires
if longer then expires = now + lifeMs * 1000 end
if #changes > 0 or backwards then
  change('t', text(now, ahead, expires))
  redis.call('HSET', key, unpack(changes))
  if longer then redis.call('PEXPIRE', key, text(lifeMs)) end
end

local reply = {allowed and 1 or 0}
for i, policy in ipairs(policies) do reply[i + 1] = policy.reply() end
return reply
`)
