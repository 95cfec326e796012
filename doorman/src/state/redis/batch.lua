-- One batch of limits: all are taken, or none. The time is the server's own.
-- KEYS[i]: the cell of ask i. ARGV: what to do, since when (in us), then four for each ask: its unit ('-': a bucket, 'h',
-- 'd', 'm': a window of the calendar), the bucket's period in ns, what it holds, what is asked of it.
-- A bucket is kept as "b US NS", the time at which it is full again; a window as "w NUMBER COUNT".
-- Every number here is whole and below 2^53: differences of times are at most 100 days in ns.
local HORIZON = 8640000000000000
local HOUR, DAY = 3600000000, 86400000000
local floor, max, min = math.floor, math.max, math.min

local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local op, since = ARGV[1], tonumber(ARGV[2])

local function month_of(days)
  days = days + 719468
  local era = floor(days / 146097)
  local of_era = days % 146097
  local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
  return (era * 400 + year) * 12 + floor((5 * of_year + 2) / 153) - (1969 * 12 + 10)
end

local function first_of(month)
  local months = month + 1969 * 12 + 10
  local year, month = floor(months / 12), months % 12
  local era, of_era = floor(year / 400), year % 400
  return era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + floor((153 * month + 2) / 5) - 719468
end

local function window_of(unit)
  if unit == 'h' then return floor(us / HOUR) end
  if unit == 'd' then return floor(us / DAY) end
  return month_of(floor(us / DAY))
end

local function start_of(unit, window)
  if unit == 'h' then return window * HOUR end
  if unit == 'd' then return window * DAY end
  return first_of(window) * DAY
end

-- Each answers: -1 (it fits), -2 (it never will) or the ns to wait; what is left; what to write, and for how many ms.
local function bucket(value, period, burst, weight)
  local owed = 0
  if value then
    local full, ns = string.match(value, '^b (%d+) (%d+)$')
    owed = max(0, min((tonumber(full) - us) * 1000 + tonumber(ns), HORIZON))
  end
  local fits, after = -1, owed
  if op == 'take' then
    local over = owed - (burst - weight) * period
    if weight > burst then fits = -2 elseif over > 0 then fits = over else after = owed + weight * period end
  elseif op == 'give' then
    after = max(0, owed - max(0, weight * period - max(0, us - since) * 1000))
  elseif op == 'charge' then
    after = min(owed + weight * period, HORIZON)
  end
  local left = floor(max(0, burst * period - after) / period)
  local text = string.format('b %.0f %.0f', us + floor(after / 1000), after % 1000)
  return fits, left, after ~= owed and text, after > 0 and floor(after / 1000000) + 1000
end

local function window(value, unit, holds, weight)
  local current, taken = window_of(unit), 0
  if value then
    local number, count = string.match(value, '^w (%d+) (%d+)$')
    if tonumber(number) >= current then current, taken = tonumber(number), tonumber(count) end
  end
  local fits, after = -1, taken
  local ends = start_of(unit, current + 1)
  if op == 'take' then
    if weight > holds then fits = -2
    elseif taken + weight > holds then fits = max(1, (ends - us) * 1000)
    else after = taken + weight end
  elseif op == 'give' then
    if since >= start_of(unit, current) then after = max(0, taken - weight) end
  elseif op == 'charge' then
    after = min(taken + weight, 4294967295)
  end
  local text = string.format('w %.0f %.0f', current, after)
  return fits, max(0, holds - after), after ~= taken and text, floor(max(0, ends - us) / 1000) + 1000
end

local reply, writes, refused = { us }, {}, false
for i, key in ipairs(KEYS) do
  local at = 4 * i - 1
  local unit, period = ARGV[at], tonumber(ARGV[at + 1])
  local holds, weight = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local value = redis.call('GET', key)
  if value and not string.match(value, unit == '-' and '^b %d+ %d+$' or '^w %d+ %d+$') then
    return redis.error_reply('DOORMAN a key holds no count')
  end
  local fits, left, text, ttl
  if unit == '-' then
    fits, left, text, ttl = bucket(value, period, holds, weight)
  else
    fits, left, text, ttl = window(value, unit, holds, weight)
  end
  refused = refused or fits ~= -1
  reply[#reply + 1] = fits
  reply[#reply + 1] = left
  if text then writes[#writes + 1] = { key, text, ttl } end
end
if not refused then
  for _, write in ipairs(writes) do
    if write[3] then
      redis.call('SET', write[1], write[2], 'PX', string.format('%.0f', write[3]))
    else
      redis.call('DEL', write[1])
    end
  end
end
return reply
